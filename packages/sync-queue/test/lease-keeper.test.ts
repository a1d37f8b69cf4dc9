import { createFakeClock, createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { setUp, storedQueue } from './set-up.ts';

test('a lease is extended while the handler works', async () => {
  const { queue, clock, store, events } = setUp({ leaseMs: 900 });
  const gate = createGate();
  await queue.add('a');

  queue.consume(() => gate.pass());
  await clock.advance(5000);
  expect((await storedQueue(store).claim({ maxItems: 1, leaseMs: 900 })).items).toEqual([]);
  expect(store.calls.filter((call) => call === 'extend')).toHaveLength(16);
  gate.open();
  await clock.advance(1);

  expect(queue.snapshot()).toMatchObject({ acked: 1, leasesLost: 0 });
  expect(events).toEqual([]);
  await queue.close();
  expect(clock.pending()).toBe(0);
});

test('a lease that cannot be extended is lost in time: the signal aborts before another gets the item', async () => {
  const { queue, clock, store, events } = setUp({ leaseMs: 900 });
  await queue.add('a');
  let abortedAtMs: number | undefined;
  let reason: unknown;

  const consumer = queue.consume(
    (_batch, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          abortedAtMs = clock.now();
          reason = signal.reason;
          reject(signal.reason as Error);
        });
      }),
  );
  await clock.advance(1);
  void consumer.close();
  const lift = store.fail('extend', 'before');
  await clock.advance(1000);
  lift();

  expect(abortedAtMs).toBe(900);
  expect(reason).toMatchObject({ code: 'LEASE_LOST' });
  expect(events.filter(([name]) => name === 'leaseLost')).toMatchObject([
    ['leaseLost', { attempt: 1 }],
  ]);
  await queue.close();
});

test('the lost item is delivered again with the next attempt, and the stale ack is refused and told', async () => {
  const { queue, clock, store, events } = setUp({ leaseMs: 900 });
  const slow = createGate();
  const fast: number[] = [];
  await queue.add('a');
  const lift = store.fail('extend', 'before');

  const first = queue.consume(async ([delivery]) => {
    if (delivery!.attempt === 1) await slow.pass();
  });
  await clock.advance(1);
  queue.consume(async ([delivery]) => void fast.push(delivery!.attempt));
  await clock.advance(1000);
  slow.open();
  await clock.advance(1);
  lift();

  expect(fast).toEqual([2]);
  const stale = events.filter(([name]) => name === 'staleSettle');
  expect(stale).toMatchObject([['staleSettle', { attempt: 1, status: 'ack', isRepeat: false }]]);
  expect(queue.snapshot()).toMatchObject({ acked: 1, staleSettles: 1, leasesLost: 1 });
  await first.close();
  await queue.close();
});

test.each([
  ['aborted', ({ aborted }: AbortSignal) => aborted, true],
  ['reason', ({ reason }: AbortSignal) => (reason as Error).name, 'LeaseLostError'],
  ['throwIfAborted', (signal: AbortSignal) => signal.throwIfAborted(), 'LeaseLostError'],
])(
  'of a lease that ran out while the process stood still, its %s tells before any timer',
  async (_name, read, expected) => {
    const clock = createFakeClock();
    let stoodStillMs = 0;
    const { queue, events } = setUp({
      leaseMs: 900,
      clock: { ...clock, now: () => clock.now() + stoodStillMs },
    });
    await queue.add('a');
    const gate = createGate();
    const seen: unknown[] = [];

    const consumer = queue.consume(async (_batch, { signal }) => {
      signal.addEventListener('abort', () => seen.push('told'));
      await gate.pass();
      try {
        seen.push(read(signal));
      } catch (error) {
        seen.push((error as Error).name);
      }
    });
    await clock.advance(1);
    stoodStillMs = 900;
    gate.open();
    await consumer.close();

    expect(seen).toEqual(['told', expected]);
    expect(events.filter(([name]) => name === 'leaseLost')).toHaveLength(1);
    await queue.close();
  },
);

test('does not start a batch whose claim was answered after its lease', async () => {
  const { queue, clock, store } = setUp({ leaseMs: 900 });
  await queue.add('a');
  let claims = 0;
  const attempts: number[] = [];
  store.hook = async (call) => {
    if (call !== 'claim' || (claims += 1) > 1) return;
    await new Promise<void>((resolve) => clock.setTimer(resolve, 1000));
  };

  queue.consume(async ([delivery]) => void attempts.push(delivery!.attempt));
  await clock.advance(1000);
  expect(attempts).toEqual([]);
  expect(queue.snapshot()).toMatchObject({ leasesLost: 1 });
  await clock.advance(1000);

  expect(attempts).toEqual([2]);
  await queue.close();
});

test('a slow answer does not stretch a lease: it runs from when the extension started', async () => {
  const { queue, clock, store } = setUp({ leaseMs: 900 });
  await queue.add('a');
  let abortedAtMs: number | undefined;
  let extensions = 0;
  store.hook = async (call) => {
    if (call !== 'extend') return;
    extensions += 1;
    if (extensions > 1) throw new Error('the store is away');
    await new Promise<void>((resolve) => clock.setTimer(resolve, 500));
  };

  queue.consume(
    (_batch, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          abortedAtMs = clock.now();
          resolve();
        });
      }),
  );
  await clock.advance(3000);

  // Started at 300, answered at 800.
  expect(abortedAtMs).toBe(1200);
  await queue.close();
});
