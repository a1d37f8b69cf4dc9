import { PRIORITY_COUNT, type Priority } from './store.ts';

/** Makes a priority of a number that is one. */
export function isPriority(value: unknown): value is Priority {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < PRIORITY_COUNT;
}
