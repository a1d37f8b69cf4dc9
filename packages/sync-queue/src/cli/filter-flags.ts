import { systemClock } from '@holdfast/internal';
import type { Command } from 'commander';
import type { DeadFilter } from '../dead-letter.ts';
import { PRIORITY_COUNT, type Priority } from '../store.ts';

export interface FilterFlags {
  readonly id?: readonly string[];
  readonly key?: string;
  readonly priority?: string;
  readonly reason?: string;
  readonly olderThan?: string;
  readonly newerThan?: string;
}

export function withFilter(command: Command): Command {
  return command
    .option('--id <id...>', 'only letters with these ids')
    .option('--key <key>', 'only letters of this key')
    .option('--priority <n>', 'only letters of this priority, from 0 to 7')
    .option('--reason <text>', 'only letters whose reason holds this text')
    .option('--older-than <time>', 'only letters that died longer ago: 90s, 15m, 6h, 30d')
    .option('--newer-than <time>', 'only letters that died less long ago');
}

/** @throws {TypeError} naming the flag. */
export function readFilter(flags: FilterFlags): DeadFilter {
  const { id, key, priority, reason, olderThan, newerThan } = flags;
  for (const [flag, text] of Object.entries({ '--key': key, '--reason': reason })) {
    if (text === '') throw new TypeError(`${flag} is empty`);
  }
  return {
    ...(id === undefined ? {} : { ids: id }),
    ...(key === undefined ? {} : { key }),
    ...(priority === undefined ? {} : { priority: requirePriorityFlag(priority) }),
    ...(reason === undefined ? {} : { reason }),
    ...(olderThan === undefined ? {} : { diedBeforeMs: momentOf('--older-than', olderThan) }),
    ...(newerThan === undefined ? {} : { diedAfterMs: momentOf('--newer-than', newerThan) }),
  };
}

/** @throws {TypeError} */
export function requirePriorityFlag(given: string): Priority {
  const priority = Number(given);
  if (/^\d$/.test(given) && priority < PRIORITY_COUNT) return priority as Priority;
  throw new TypeError(`--priority must be from 0 to 7, got ${JSON.stringify(given)}`);
}

const UNITS: Readonly<Record<string, number>> = {
  ...{ s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
};

/** So long ago, by the clock of this machine, milliseconds since the epoch. */
function momentOf(flag: string, given: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(given) ?? [];
  const unitMs = UNITS[unit];
  if (count !== undefined && unitMs !== undefined) {
    return systemClock.wallNow() - Number(count) * unitMs;
  }
  throw new TypeError(`${flag} must be a time such as 90s, 15m, 6h or 30d`);
}
