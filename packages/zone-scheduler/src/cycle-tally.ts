import { cutText } from './cut-text.ts';
import type { FailureGroup, ZoneCounts, ZoneFailure } from './cycle-report.ts';
import type { FailureClass } from './zone.ts';

/** How one zone ended. */
export type ZoneOutcome = Exclude<keyof ZoneCounts, 'planned'>;

/** Most causes that are told apart in a report, the last of which is all others. */
const MOST_GROUPS = 20;
/**
 * Longest text of an error in a report, UTF-16 code units. A message may quote a whole statement or answer: with 20 failures
 * and 20 groups of this length a report has some 20 KB, which logs and notifications take.
 */
const MOST_TEXT = 500;

/** Counts each zone once, keeps the first failures, and counts all by cause. */
export class CycleTally {
  readonly counts: Record<keyof ZoneCounts, number> = {
    planned: 0,
    ok: 0,
    failed: 0,
    timedOut: 0,
    fenced: 0,
    deferred: 0,
    skipped: 0,
    quarantined: 0,
    stuck: 0,
    duplicates: 0,
  };
  readonly failures: ZoneFailure[] = [];
  failuresTruncated = 0;
  readonly #groups = new Map<string, FailureGroup>();
  readonly #maxFailures: number;

  constructor(maxFailures: number) {
    this.#maxFailures = maxFailures;
  }

  get failureRate(): number {
    const { ok, failed, timedOut } = this.counts;
    const ended = ok + failed + timedOut;
    return ended === 0 ? 0 : (failed + timedOut) / ended;
  }

  /** Most frequent first. */
  get byError(): FailureGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count);
  }

  plan(): void {
    this.counts.planned += 1;
  }

  count(outcome: ZoneOutcome): void {
    this.counts[outcome] += 1;
  }

  fail(
    outcome: 'failed' | 'timedOut',
    failed: {
      readonly zoneId: string;
      readonly class: FailureClass;
      readonly error: unknown;
      readonly durationMs: number;
    },
  ): void {
    this.counts[outcome] += 1;
    const { zoneId, error, durationMs } = failed;
    const described = describeError(error);
    this.#group(failed.class, described.code ?? described.message);
    if (this.failures.length >= this.#maxFailures) this.failuresTruncated += 1;
    else this.failures.push({ zoneId, class: failed.class, ...described, durationMs });
  }

  #group(failureClass: FailureClass, cause: string): void {
    const own = `${failureClass} ${cause}`;
    const isKnown = this.#groups.has(own);
    const hasRoom = this.#groups.size < MOST_GROUPS - 1;
    const key = isKnown || hasRoom ? own : 'other';
    const group = this.#groups.get(key);
    this.#groups.set(key, {
      class: group?.class ?? failureClass,
      key: key === own ? cause : 'other',
      count: (group?.count ?? 0) + 1,
    });
  }
}

/** What of an error fits into a report. Survives values that throw when they are looked at. */
export function describeError(error: unknown): { message: string; code?: string } {
  try {
    const message = cutText(String(error instanceof Error ? error.message : error), MOST_TEXT);
    const code: unknown =
      typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return typeof code === 'string' ? { message, code: cutText(code, MOST_TEXT) } : { message };
  } catch {
    return { message: 'an error that cannot be described' };
  }
}
