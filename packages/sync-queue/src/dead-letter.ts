import type { Priority } from './store.ts';

export interface DeadLetter<T> {
  readonly id: string;
  readonly attempt: number;
  readonly priority: Priority;
  readonly key: string | undefined;
  readonly reason: string;
  readonly payload: Uint8Array;
  /** Undefined when the payload cannot be decoded. */
  readonly value: T | undefined;
  readonly enqueuedAtMs: number;
  readonly diedAtMs: number;
}

/** Letters for which all of it is true. */
/** Without any of them all letters. One that is there and undefined is refused. */
export interface DeadFilter {
  readonly ids?: readonly string[];
  readonly key?: string;
  readonly priority?: Priority;
  /** A part of the reason. */
  readonly reason?: string;
  /** Milliseconds since the epoch. */
  readonly diedBeforeMs?: number;
  readonly diedAfterMs?: number;
}

export interface RedriveOptions {
  readonly filter?: DeadFilter | undefined;
  /** Letters a second. Default: as fast as the store. */
  readonly perSecond?: number | undefined;
  /** Counts the letters and changes nothing. */
  readonly dryRun?: boolean | undefined;
  /** Called as letters are looked at. */
  readonly onProgress?: ((progress: RedriveProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RedriveReport {
  /** Letters that the filter lets through, of those that were there when it began. */
  readonly matched: number;
  readonly redriven: number;
  /** Letters for which the queue has no room; they stay dead. */
  readonly full: number;
}

/** How far a redrive has come; what it has when it is aborted is what was done. */
export interface RedriveProgress extends RedriveReport {
  /** Letters that were looked at, of all that were there when it began. */
  readonly looked: number;
  readonly total: number;
}

export interface DeadLetters<T> {
  /** The oldest first, `limit` (from 1 to 1000, default 100) at a time; `next` begins the next page. */
  list(options?: {
    readonly limit?: number | undefined;
    readonly after?: string | undefined;
    readonly filter?: DeadFilter | undefined;
  }): Promise<{ readonly letters: readonly DeadLetter<T>[]; readonly next: string | undefined }>;
  /** Puts dead letters (default: all) back into the queue with fresh attempts, the oldest first. */
  redrive(options?: RedriveOptions): Promise<RedriveReport>;
  /** Deletes dead letters (default: all); resolves with their number. */
  purge(options?: {
    readonly filter?: DeadFilter | undefined;
    readonly dryRun?: boolean | undefined;
  }): Promise<number>;
}
