import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nextTurn } from '@holdfast/internal';
import { testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from '../src/fifo.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('gives back what it took in, in that order, however pushes and takes come', () => {
  const runs = fc.record({ pushes: fc.nat(40), takes: fc.nat(40) });

  fc.assert(
    fc.property(fc.array(runs, { maxLength: 20 }), (steps) => {
      const fifo = new Fifo<number>();
      const expected: number[] = [];
      let pushed = 0;
      for (const { pushes, takes } of steps) {
        for (let n = 0; n < pushes; n += 1) {
          fifo.push(pushed);
          expected.push(pushed);
          pushed += 1;
        }
        for (let n = 0; n < takes; n += 1) expect(fifo.take()).toBe(expected.shift());
        expect(fifo.size).toBe(expected.length);
      }
    }),
    { seed: testSeed() },
  );
});

it('lets go of what was taken', async () => {
  const fifo = new Fifo<object>();
  const taken = Array.from({ length: 5 }, () => {
    fifo.push({});
    return new WeakRef(fifo.take() ?? {});
  });

  await nextTurn();
  collectGarbage();

  expect(taken.filter((ref) => ref.deref() !== undefined)).toEqual([]);
  expect(fifo.size).toBe(0);
});
