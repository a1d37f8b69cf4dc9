import { createHlcClock, type Hlc, type HlcClock } from '@holdfast/sync-queue';
import { createFakeClock } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HlcReservation } from '../../src/outbox/hlc-reservation.ts';
import { MemoryRows } from '../../src/outbox/memory-rows.ts';

const START = Date.UTC(2026, 0, 1);

/** A run of the program on rows that outlive it, with a wall clock that is set at will. */
function startRun(rows: MemoryRows, wall: { ms: number }, maxDriftMs = 60_000) {
  const clock = { ...createFakeClock(), wallNow: () => wall.ms };
  const hlc: HlcClock = createHlcClock({ node: 'a', maxDriftMs, clock });
  const kept = rows.meta('hlc');
  if (kept !== undefined) hlc.resume(kept);
  return { hlc, reservation: new HlcReservation(hlc, maxDriftMs) };
}

const steps = fc.array(
  fc.record({
    wallMs: fc.integer({ min: -5000, max: 5000 }),
    write: fc.constantFrom('committed', 'unconfirmed', 'rolled back'),
    isRestart: fc.boolean(),
  }),
  { maxLength: 60 },
);

test('no run gives a time before one of an edit that is durable, whatever commits, fails or restarts', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const rows = new MemoryRows();
      const wall = { ms: START };
      let run = startRun(rows, wall);
      let latest: Hlc = '';
      for (const { wallMs, write, isRestart } of list) {
        wall.ms = START + wallMs;
        if (isRestart) run = startRun(rows, wall);
        const at = run.hlc.tick();
        expect(at > latest).toBe(true);
        rows.begin();
        const reserved = run.reservation.cover(rows, at);
        if (write === 'rolled back') rows.undo();
        else latest = at;
        if (write === 'committed') run.reservation.confirm(reserved);
      }
    }),
    { numRuns: 1000 },
  );
});

test('writes once for all the times of a second', () => {
  const rows = new MemoryRows();
  const wall = { ms: START };
  const { hlc, reservation } = startRun(rows, wall);
  const written = new Set<string | undefined>();
  for (let step = 0; step < 1000; step += 1) {
    wall.ms = START + step;
    reservation.confirm(reservation.cover(rows, hlc.tick()));
    written.add(rows.meta('hlc'));
  }
  expect(written.size).toBe(1);
  wall.ms = START + 1000;
  reservation.cover(rows, hlc.tick());
  expect(written.has(rows.meta('hlc'))).toBe(false);
});

test('begins no further ahead after a restart than half of what others accept', () => {
  const rows = new MemoryRows();
  const wall = { ms: START };
  const first = startRun(rows, wall, 100);
  first.reservation.cover(rows, first.hlc.tick());
  const other = createHlcClock({
    ...{ node: 'b', maxDriftMs: 100 },
    clock: { ...createFakeClock(), wallNow: () => START },
  });

  const second = startRun(rows, wall, 100);
  expect(() => other.observe(second.hlc.tick())).not.toThrow();
});
