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
  /** Two held the lock at a time, and the first of them was never told that it had lost it. */
  readonly violations: number;
  /** How long the longest of them was, microseconds. */
  readonly longestUs: number;
  /** Overlaps too short to be told from the clocks of two processes; not explained otherwise yet. */
  readonly doubtful: number;
  /** Two held it at a time, and the first was told, or killed: what a lock without a fence cannot help. */
  readonly tolerated: number;
}

/** A few in ten thousand holds were seen to overlap by about a millisecond, with no update lost. */
const DOUBT_US = 2_000;

/** At most one holder at any time. Looks at the intervals in the order of their beginnings. */
export function judgeHistory(intervals: readonly Interval[]): HistoryVerdict {
  const sorted = intervals.toSorted((one, other) => one.fromUs - other.fromUs);
  let violations = 0;
  let longestUs = 0;
  let doubtful = 0;
  let tolerated = 0;
  let open: Interval[] = [];
  for (const interval of sorted) {
    open = open.filter(({ toUs }) => toUs > interval.fromUs);
    for (const { how, toUs } of open) {
      if (how === 'ok') {
        if (Math.min(toUs, interval.toUs) - interval.fromUs < DOUBT_US) doubtful += 1;
        else violations += 1;
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
    doubtful,
    tolerated,
  };
}
