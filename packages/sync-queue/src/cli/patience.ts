import { formatDuration, OperatorError } from '@holdfast/cli-kit';
import { onAbort, systemClock, type Timer } from '@holdfast/internal';

/** How long a store is waited for. */
export interface Patience {
  /** Aborts when it is told to stop, and with an `OperatorError` when the store has been silent for too long. */
  readonly signal: AbortSignal;
  /** Something is asked of the store: from now on it is waited for. */
  ask(): void;
  /** The store has answered, and is not waited for. */
  answered(): void;
  end(): void;
}

/** The store is waited for from the start: until it is open. */
export function createPatience(ms: number, told: AbortSignal): Patience {
  const controller = new AbortController();
  const off = onAbort(told, (reason) => controller.abort(reason));
  const lose = (): void =>
    controller.abort(new OperatorError(`the store has not answered for ${formatDuration(ms)}`));
  const start = (): Timer => systemClock.setTimer(lose, ms);
  let timer = start();
  return {
    signal: controller.signal,
    ask() {
      timer.cancel();
      timer = start();
    },
    answered: () => timer.cancel(),
    end() {
      timer.cancel();
      off();
    },
  };
}
