import type { Hold } from '../fixtures/mutex-member.ts';

export interface Interval extends Omit<Hold, 'how'> {
  readonly member: number;
  /** `killed`: the process was, while it held the lock. */
  readonly how: Hold['how'] | 'killed';
}

export interface HistoryVerdict {
  readonly holds: number;
  readonly lost: number;
  readonly killed: number;
  /** Two held the lock at a time, and neither was told that it had lost it. */
  readonly violations: number;
  /** How long the longest of them was, microseconds. */
  readonly longestUs: number;
  /** Two held it at a time, and one was told, or killed: what a lock without a fence cannot help. */
  readonly tolerated: number;
}

/** At most one holder at any time. Looks at the intervals in the order of their beginnings. */
export function judgeHistory(intervals: readonly Interval[]): HistoryVerdict {
  const sorted = intervals.toSorted((one, other) => one.fromUs - other.fromUs);
  let violations = 0;
  let longestUs = 0;
  let tolerated = 0;
  let open: Interval[] = [];
  for (const interval of sorted) {
    open = open.filter(({ toUs }) => toUs > interval.fromUs);
    for (const { how, toUs } of open) {
      // One that was frozen may only read that it was given the lock when it has lost it: then it begins late, and is told.
      if (how === 'ok' && interval.how === 'ok') {
        violations += 1;
        longestUs = Math.max(longestUs, Math.min(toUs, interval.toUs) - interval.fromUs);
      } else {
        tolerated += 1;
      }
    }
    open.push(interval);
  }
  const count = (how: Interval['how']): number =>
    intervals.filter((interval) => interval.how === how).length;
  return {
    holds: intervals.length,
    lost: count('lost'),
    killed: count('killed'),
    violations,
    longestUs,
    tolerated,
  };
}
