import { sleep, systemClock, type Clock } from '@holdfast/internal';
import type { Ledger } from './ledger.ts';

const LOOK_EVERY_MS = 10;

/** How long to wait without anything moving before giving up. */
export const STALLED_AFTER_MS = 30_000;

/** The same in all after an interrupt: the process has to be gone ten seconds after it. */
const INTERRUPTED_DRAIN_MS = 6_000;

/** Waits until every published message is settled, or nothing moves any more. */
export async function drain(
  ledger: Ledger,
  interrupt: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  let interruptedAt: number | undefined;
  while (ledger.unsettled > 0) {
    const now = clock.now();
    if (interrupt.aborted) interruptedAt ??= now;
    if (interruptedAt !== undefined && now - interruptedAt > INTERRUPTED_DRAIN_MS) return;
    if (now - ledger.movedAt > STALLED_AFTER_MS) return;
    await sleep(LOOK_EVERY_MS, { clock });
  }
}
