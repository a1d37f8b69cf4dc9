import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import type { DeviceTelemetry } from '../../src/demo/device-message.ts';
import { Ledger } from '../../src/demo/ledger.ts';

const message = (seq: number, values: Record<string, unknown> = { x: seq }): DeviceTelemetry => ({
  kind: 'telemetry',
  uid: 'a',
  ts: 1_000_000 + seq,
  seq,
  values,
  atMs: 0,
});

it('follows each message until it is settled and measures how long that took', async () => {
  const clock = createFakeClock();
  const ledger = new Ledger(clock);
  for (const seq of [0, 1]) ledger.published(message(seq));
  expect(ledger.unsettled).toBe(2);

  await clock.advance(20);
  ledger.settled('a', 0);
  await clock.advance(80);
  ledger.settled('a', 1);
  ledger.settled('a', 1);
  ledger.settled('unknown', 9);

  expect(ledger.unsettled).toBe(0);
  expect(ledger.latency()?.p50).toBeCloseTo(20, 0);
  expect(ledger.latency()?.p99).toBeCloseTo(100, 0);
});

it('expects only what the broker acknowledged, and of that only what can be stored', () => {
  const ledger = new Ledger(createFakeClock());
  ledger.published(message(0));
  ledger.acknowledge(message(1, { x: 1, y: true, z: null, text: 'NaN' }));

  expect(ledger).toMatchObject({ acknowledged: 1, values: 4 });
  expect(ledger.expectations.seriesCount).toBe(2);
});

it('counts what is on its way, and never below zero when a broker delivers twice', () => {
  const ledger = new Ledger(createFakeClock());

  ledger.sent();
  ledger.accepted();
  ledger.accepted();

  expect(ledger.inFlight).toBe(0);
});
