import type { ZoneCounts, ZoneFailure } from './zone.ts';

/** How one zone ended. */
export type ZoneOutcome = Exclude<keyof ZoneCounts, 'planned'>;

/** Counts each zone once, and keeps the first failures. */
export class CycleTally {
  readonly counts: Record<keyof ZoneCounts, number> = {
    planned: 0,
    ok: 0,
    failed: 0,
    timedOut: 0,
    deferred: 0,
    skipped: 0,
    duplicates: 0,
  };
  readonly failures: ZoneFailure[] = [];
  failuresTruncated = 0;
  readonly #maxFailures: number;

  constructor(maxFailures: number) {
    this.#maxFailures = maxFailures;
  }

  plan(): void {
    this.counts.planned += 1;
  }

  count(outcome: ZoneOutcome): void {
    this.counts[outcome] += 1;
  }

  fail(
    outcome: 'failed' | 'timedOut',
    failed: { readonly zoneId: string; readonly error: unknown; readonly durationMs: number },
  ): void {
    this.counts[outcome] += 1;
    if (this.failures.length >= this.#maxFailures) {
      this.failuresTruncated += 1;
      return;
    }
    const { zoneId, error, durationMs } = failed;
    this.failures.push({ zoneId, ...describeError(error), durationMs });
  }
}

/** What of an error fits into a report. Survives values that throw when they are looked at. */
export function describeError(error: unknown): { message: string; code?: string } {
  try {
    const message = error instanceof Error ? error.message : String(error);
    const code: unknown =
      typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return typeof code === 'string' ? { message, code } : { message };
  } catch {
    return { message: 'an error that cannot be described' };
  }
}
