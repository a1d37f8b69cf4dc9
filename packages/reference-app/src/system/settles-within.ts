import { sleep, systemClock, type Clock } from '@holdfast/internal';

/** Whether `promise` resolves within `ms`, in which case it is waited for no longer. Rejects as it does. */
export async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
  clock: Clock = systemClock,
): Promise<boolean> {
  const settled = new AbortController();
  const waited = sleep(ms, { clock, signal: settled.signal }).then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([promise.then(() => true), waited]);
  } finally {
    settled.abort();
  }
}
