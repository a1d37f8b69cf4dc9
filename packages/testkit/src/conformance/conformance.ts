import { BREAKER_ROWS } from './breaker-rows.ts';
import { BULKHEAD_ROWS, FALLBACK_ROWS, TIMEOUT_ROWS } from './other-rows.ts';
import { RECOVERY_ROWS } from './recovery-rows.ts';
import { RETRY_ROWS } from './retry-rows.ts';
import type { Row } from './row.ts';

/** What a resilience library should do: each row runs against any library that an adapter is written for. */
export const CONFORMANCE_ROWS: readonly Row[] = [
  ...BREAKER_ROWS,
  ...RECOVERY_ROWS,
  ...RETRY_ROWS,
  ...TIMEOUT_ROWS,
  ...BULKHEAD_ROWS,
  ...FALLBACK_ROWS,
];
