import { randomUUID } from 'node:crypto';
import { raceAbort, sleep, throwIfAborted } from '@holdfast/internal';
import type { LeaseHolder } from './lease-contract.ts';
import { LeaseRequestTimeoutError, LeaseTimeoutError } from './lease-errors.ts';
import { HeldLease, type LeaseParts } from './lease-held.ts';
import type { ResolvedLeaseOptions } from './lease-options.ts';
import { pollDelayMs } from './lease-poll.ts';
import type { LeaseAttempt, LeaseOutcome } from './lease-store.ts';
import { trustEndsAtMs } from './lease-trust.ts';
import { isVerdict } from '../sqlstate.ts';

export interface LeaseRequest {
  readonly key: string;
  /** Of the leases, as SQL. */
  readonly table: string;
  readonly options: ResolvedLeaseOptions;
  readonly onRenewed: (() => void) | undefined;
}

/**
 * Looks at the lease until it is free or the wait is over: an expiry wakes nobody, so there is no queue to wait in. Between
 * two looks it holds no connection.
 */
export async function acquireLease(parts: LeaseParts, request: LeaseRequest): Promise<HeldLease> {
  const { clock, random, tally } = parts;
  const { key, table, options, onRenewed } = request;
  const { signal, ttlMs, waitMs } = options;
  const startedAtMs = clock.now();
  let holder: LeaseHolder | undefined;
  let lastTimeout: unknown;
  tally.waiting(1);
  try {
    for (;;) {
      throwIfAborted(signal);
      const outcome = await look(parts, request).catch((error: unknown) => {
        if (!(error instanceof LeaseRequestTimeoutError)) throw error;
        lastTimeout = error;
      });
      if (outcome?.state === 'mine') {
        const { token, sentAtMs } = outcome;
        const waitedMs = clock.now() - startedAtMs;
        // An answer that is late is no lease: others may have it by now.
        if (clock.now() < trustEndsAtMs(sentAtMs, ttlMs)) {
          tally.acquired({ key, token, waitedMs });
          return new HeldLease(parts, {
            fence: { table, key, token },
            options,
            sentAtMs,
            onRenewed,
          });
        }
        giveBack(parts, request, token);
      }
      if (outcome?.state === 'held') holder = outcome.by;
      const leftMs = startedAtMs + waitMs - clock.now();
      if (leftMs <= 0)
        throw timeOut(parts, key, clock.now() - startedAtMs, { holder, lastTimeout });
      const remainingMs = outcome?.state === 'held' ? outcome.by.remainingMs : 0;
      await sleep(Math.min(leftMs, pollDelayMs(remainingMs, random)), { clock, signal });
    }
  } finally {
    tally.waiting(-1);
  }
}

/** One attempt. It is not cut short by an abort, so that what comes of it is known and can be given back. */
async function look(parts: LeaseParts, request: LeaseRequest): Promise<LeaseOutcome> {
  const { store, returns } = parts;
  const { key, options } = request;
  const { signal, holder, ttlMs, requestTimeoutMs } = options;
  const attempt: LeaseAttempt = {
    key,
    holder,
    id: randomUUID(),
    ttlMs,
    timeoutMs: requestTimeoutMs,
    wasSent: false,
  };
  const looking = store.acquire(attempt).catch((error: unknown) => {
    // It may have been applied, or be so yet: the request is on its way, and nobody hears the answer.
    if (attempt.wasSent && !isVerdict(error)) {
      returns.giveBack(() => store.releaseAttempt(attempt), ttlMs);
    }
    throw error;
  });
  try {
    return await raceAbort(looking, signal);
  } catch (error) {
    if (signal?.aborted === true) {
      const undo = looking.then((outcome) => {
        if (outcome.state === 'mine') giveBack(parts, request, outcome.token);
      });
      returns.track(undo);
    }
    throw error;
  }
}

function giveBack(
  { store, returns }: LeaseParts,
  { key, options }: LeaseRequest,
  token: bigint,
): void {
  const { ttlMs, requestTimeoutMs } = options;
  returns.giveBack(async () => {
    await store.release(key, token, requestTimeoutMs);
    return true;
  }, ttlMs);
}

function timeOut(
  { tally }: LeaseParts,
  key: string,
  waitedMs: number,
  last: { readonly holder: LeaseHolder | undefined; readonly lastTimeout: unknown },
): LeaseTimeoutError {
  const { holder, lastTimeout } = last;
  tally.timedOut({ key, waitedMs, holder });
  return new LeaseTimeoutError(key, waitedMs, holder, { cause: lastTimeout });
}
