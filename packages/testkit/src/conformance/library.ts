/** What the conformance rows need of a resilience library. A method that is absent: the library has no such feature. */
export interface Library {
  readonly name: string;
  /** Virtual time for one row: whatever the library reads, and sets timers on, moves only by `advance`. */
  open(): Session;
}

export interface Session {
  readonly clock: VirtualClock;
  breaker?(options: BreakerSpec, saved?: unknown): BreakerUnderTest;
  retry?(options: RetrySpec): Execute;
  timeout?(ms: number, events?: { readonly onTimeout: () => void }): Execute;
  /** Fails when the work fails, with the fallback's value otherwise. */
  fallback?(alternative: (error: unknown) => unknown): Execute;
  bulkhead?(limit: number, queue: number): Execute;
  /** The first is the outer one. */
  compose?(outer: Execute, inner: Execute): Execute;
  close(): void;
}

export interface VirtualClock {
  now(): number;
  advance(ms: number): Promise<void>;
}

export type WorkUnderTest = (signal: AbortSignal) => unknown;
export type Execute = (fn: WorkUnderTest, signal?: AbortSignal) => Promise<unknown>;

/** Opens at half of at least 4 calls in the last 10 s, for 60 ms; one probe. */
export interface BreakerSpec {
  /** What says nothing about health. */
  readonly ignores?: (error: unknown) => boolean;
  /** A value that is a failure. */
  readonly failsOn?: (value: unknown) => boolean;
  readonly openMs?: number;
  readonly growth?: number;
  readonly probes?: number;
  readonly slow?: { readonly overMs: number; readonly rate: number; readonly size: number };
  readonly isShadow?: boolean;
}

export interface BreakerUnderTest {
  readonly execute: Execute;
  readonly state: string;
  /** How often it has opened. */
  readonly openings: number;
  isRejection(error: unknown): boolean;
  retryAfterMs(error: unknown): number | undefined;
  onSuccess?(listener: () => void): void;
  save?(): unknown;
  isolate?(): () => void;
  wouldRejects?(): number;
}

export interface RetrySpec {
  /** Calls in all. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly factor?: number;
  readonly retries?: (error: unknown) => boolean;
  readonly maxElapsedMs?: number;
  readonly retryAfterMs?: (error: unknown) => number | undefined;
  readonly onGiveUp?: (reason: string) => void;
}

/** Thrown by a row that a library has no feature for. */
export class NotApplicable extends Error {}

/** `feature`, unless the library has none. */
export function need<T>(feature: T | undefined): T {
  if (feature === undefined) throw new NotApplicable('no such feature');
  return feature;
}
