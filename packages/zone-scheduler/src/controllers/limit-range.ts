import { requireInteger } from '@holdfast/internal';

/** Between which a controller keeps its limit, and where it begins. */
export interface LimitRange {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** @throws {TypeError | RangeError} unless 1 <= min <= initial <= max, all integers. */
export function resolveLimitRange(
  given: { readonly [K in keyof LimitRange]?: number | undefined },
  defaults: LimitRange,
): LimitRange {
  const min = requireInteger('min', given.min ?? defaults.min, { min: 1 });
  const max = requireInteger('max', given.max ?? Math.max(min, defaults.max), { min });
  const initial = given.initial ?? Math.min(max, Math.max(min, defaults.initial));
  return { min, max, initial: requireInteger('initial', initial, { min, max }) };
}

/** The nearest integer limit below `value`, within the range. */
export function clampLimit(value: number, { min, max }: Pick<LimitRange, 'min' | 'max'>): number {
  return Math.min(max, Math.max(min, Math.floor(value)));
}
