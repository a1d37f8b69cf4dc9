import {
  crashDelayMs,
  EVICTED,
  KEPT_DELAY_MS,
  LEASES_RAN_OUT,
  type QueueSettings,
} from '../store.ts';

/** Beyond this, priorities and windows would leave the range of a time: 15 years. */
const MAX_US = 5e14;

/** The settings of a queue as the functions of the schema read them: JSON, times in microseconds, null for no bound. */
export function settingsText(settings: QueueSettings): string {
  const { limits, dead, maxTries, agingMs, keyConcurrency, onPoison } = settings;
  const { idempotency, rate, overflow } = settings;
  return JSON.stringify({
    maxCount: limits.maxCount,
    maxBytes: limits.maxBytes,
    deadMaxCount: dead.maxCount,
    deadMaxBytes: dead.maxBytes,
    whenFull: dead.whenFull,
    retentionUs: boundedUs(dead.retentionMs),
    maxTries,
    agingUs: boundedUs(agingMs),
    concurrency: Math.min(keyConcurrency, 2 ** 30),
    halts: onPoison === 'halt-key',
    windowUs: toUs(idempotency.windowMs),
    maxKeys: idempotency.maxKeys,
    rateCount: rate?.count,
    ratePerUs: rate === undefined ? undefined : rate.perMs * 1000,
    ranOutReason: LEASES_RAN_OUT,
    evictedReason: EVICTED,
    keptUs: toUs(KEPT_DELAY_MS),
    crashUs: CRASH_US,
    overflow: overflow.kind,
    ...(overflow.kind === 'evict' ? { victims: overflow.victims, evictTo: overflow.to } : {}),
    ...(overflow.kind === 'sample'
      ? { above: overflow.above, minPriority: overflow.minPriority, floor: overflow.floor }
      : {}),
  });
}

/** Microseconds, rounded up: nothing is due too early. */
export function toUs(ms: number): number {
  return Math.min(MAX_US, Math.ceil(ms * 1000));
}

/** By the number of tries, which the last one stands for from there on. */
const CRASH_US = Array.from({ length: 16 }, (_, tries) => crashDelayMs(tries) * 1000);

function boundedUs(ms: number): number | null {
  return ms === Infinity ? null : toUs(ms);
}
