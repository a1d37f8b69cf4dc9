import { createGate } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { SingleFlight } from '../../src/redis/single-flight.ts';

it('shares one call among those that come while it runs, and makes a new one afterwards', async () => {
  const flights = new SingleFlight<number>();
  const gate = createGate();
  let calls = 0;
  const work = async (): Promise<number> => {
    await gate.pass();
    return ++calls;
  };

  const together = [flights.run('a', work), flights.run('a', work)];
  gate.open();

  expect(await Promise.all(together)).toEqual([1, 1]);
  expect(await flights.run('a', work)).toBe(2);
  expect(flights.size).toBe(0);
});

it('keeps keys apart and forgets a call that failed', async () => {
  const flights = new SingleFlight<string>();

  const failed = flights.run('a', () => Promise.reject(new Error('no')));
  const other = flights.run('b', () => Promise.resolve('b'));

  await expect(failed).rejects.toThrow('no');
  expect(await other).toBe('b');
  expect(await flights.run('a', () => Promise.resolve('a'))).toBe('a');
});
