import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createDeferred } from '@holdfast/internal';
import { expect, it } from 'vitest';
import { Holdings } from '../src/transactions/holdings.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const RUNS = 50;

/** How many of the holdings are still in memory, seen from inside of the last one. */
async function countKept(
  chain: (run: (fn: () => Promise<void>) => Promise<void>, done: () => void) => void,
): Promise<number> {
  const holdings = new Holdings<object>();
  const kept: WeakRef<object>[] = [];
  const run = async (fn: () => Promise<void>): Promise<void> => {
    const frame = {};
    kept.push(new WeakRef(frame));
    // As each lock does before it begins.
    holdings.holds(1n);
    await holdings.within({ frame, keys: new Set() }, fn);
  };
  const counted = createDeferred<number>();
  chain(run, () => {
    setImmediate(() => {
      collectGarbage();
      counted.resolve(kept.filter((ref) => ref.deref() !== undefined).length);
    });
  });
  return counted.promise;
}

it('forgets those that are over, when each run starts the next one', async () => {
  const kept = await countKept((run, done) => {
    let runs = 0;
    const next = (): void => {
      void run(() => {
        runs += 1;
        if (runs < RUNS) setImmediate(next);
        else done();
        return Promise.resolve();
      });
    };
    next();
  });

  expect(kept).toBeLessThan(5);
});

it('forgets those that are over, when each run starts the next one before its own end', async () => {
  const kept = await countKept((run, done) => {
    let runs = 0;
    const next = async (end: () => void): Promise<void> => {
      await run(async () => {
        end();
        runs += 1;
        if (runs === RUNS) {
          done();
          return;
        }
        await new Promise((resolve) => setImmediate(resolve));
        const ended = createDeferred<void>();
        void next(() => ended.resolve());
        await ended.promise;
      });
    };
    void next(() => undefined);
  });

  expect(kept).toBeLessThan(5);
});
