import { install } from '@sinonjs/fake-timers';
import type { VirtualClock } from '@holdfast/testkit';

/** Replaces the process's clocks and timers until `uninstall`, for libraries that take none. */
export function installVirtualTime(): {
  readonly clock: VirtualClock;
  readonly uninstall: () => void;
} {
  // setImmediate stays real: it is how the rows let promises settle.
  const fake = install({
    now: 1_700_000_000_000,
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'Date',
      'performance',
      'hrtime',
    ],
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    clock: {
      now: () => fake.now,
      async advance(ms) {
        await settle();
        await fake.tickAsync(ms);
        await settle();
      },
    },
    uninstall: () => fake.uninstall(),
  };
}
