import { createDeferred, nextTurn } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { SourceReader } from '../src/source-reader.ts';
import type { ZoneSource } from '../src/zone.ts';
import { zonesOf } from './set-up.ts';

function setUp(zones: ZoneSource) {
  const clock = createFakeClock();
  const seen: string[] = [];
  const ends: unknown[] = [];
  const watched: number[] = [];
  const state = { hasRoom: true };
  const reader = new SourceReader({
    zones,
    timeoutMs: 100,
    clock,
    onZone: (zone) => seen.push(zone.id),
    hasRoom: () => state.hasRoom,
    onEnd: (failure) => ends.push(failure?.error),
    watch: (dueMs) => watched.push(dueMs),
  });
  return { clock, reader, seen, ends, watched, state };
}

it('stops after each zone until there is room', async () => {
  const { clock, reader, seen, ends, state } = setUp(() => zonesOf(['a', 'b']));
  state.hasRoom = false;

  void reader.read();
  await clock.advance(0);
  expect(seen).toEqual(['a']);
  expect(reader.dueMs).toBe(Infinity);
  reader.wake();
  await clock.advance(0);
  expect(seen).toEqual(['a']);
  state.hasRoom = true;
  reader.wake();
  await clock.advance(0);

  expect(seen).toEqual(['a', 'b']);
  expect(ends).toEqual([undefined]);
});

it('asks to be watched no more once it is given up while it waits for room', async () => {
  const { clock, reader, ends, watched, state } = setUp(() => zonesOf(['a', 'b']));
  state.hasRoom = false;
  void reader.read();
  await clock.advance(0);
  const before = watched.length;

  const reason = new Error('closed');
  reader.giveUp(reason);
  reader.giveUp(new Error('again'));
  await clock.advance(0);

  expect(watched).toHaveLength(before);
  expect(ends).toEqual([reason]);
});

it('gives all the rest together one timeout when it has to hurry', async () => {
  const gates = [createDeferred<void>(), createDeferred<void>()];
  const { clock, reader, ends } = setUp(async function* () {
    for (const [index, gate] of gates.entries()) {
      await gate.promise;
      yield { id: `z${index}` };
    }
  });
  void reader.read();
  await clock.advance(50);

  reader.hurry();
  gates[0]!.resolve();
  await clock.advance(90);
  expect(reader.dueMs).toBe(150);
  reader.expire(149);
  expect(reader.isReading).toBe(true);
  reader.expire(150);

  expect(reader.isReading).toBe(false);
  expect(ends).toMatchObject([{ code: 'ZONE_SOURCE_TIMEOUT', timeoutMs: 100 }]);
});

it('does not hold it against a list that the event loop is slow', async () => {
  const ids = Array.from({ length: 1_200 }, (_, n) => `z${n}`);
  const { clock, reader, seen, ends } = setUp(() => zonesOf(ids));
  const reading = reader.read();
  while (seen.length < 500) await Promise.resolve();

  // A turn of the event loop that takes longer than the source may.
  reader.expire(clock.now() + 101);
  await reading;

  expect(seen).toHaveLength(1_200);
  expect(ends).toEqual([undefined]);
});

it('gives up a list without an end when it has to hurry', async () => {
  const { clock, reader, ends } = setUp(function* () {
    for (let n = 0; ; n += 1) yield { id: `z${n}` };
  });
  const reading = reader.read();
  reader.hurry();
  await nextTurn();
  await nextTurn();

  expect(reader.dueMs).toBe(100);
  reader.expire(clock.now() + 100);
  await reading;

  expect(ends).toMatchObject([{ code: 'ZONE_SOURCE_TIMEOUT' }]);
});
