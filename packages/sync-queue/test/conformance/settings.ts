import type { QueueSettings } from '@holdfast/sync-queue';

/** Nothing that a test only sets, and does not wait for, runs out within it. */
export const LONG_MS = 600_000;

export const SETTINGS: QueueSettings = {
  limits: { maxCount: 1000, maxBytes: 10_000_000 },
  dead: { maxCount: 1000, maxBytes: 10_000_000, whenFull: 'keep', retentionMs: Infinity },
  maxTries: 10,
  agingMs: Infinity,
  keyConcurrency: 1,
  onPoison: 'advance',
  idempotency: { windowMs: LONG_MS, maxKeys: 10_000 },
  rate: undefined,
  overflow: { kind: 'refuse' },
};
