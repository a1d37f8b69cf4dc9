import type { Queue } from '@holdfast/sync-queue';
import { buildProgram, programRunner, type BuiltProgram, type RunProgram } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { openQueue, postgresPlace, redisPlace, sqlitePlace, type Place } from './places.ts';

/** Builds the command for the tests of a file. */
export function useProgram(): { readonly path: string; readonly run: RunProgram } {
  let program: BuiltProgram;
  beforeAll(async () => {
    program = await buildProgram(new URL('../../', import.meta.url), ['pg', 'ioredis', 'libsql']);
  });
  afterAll(() => program.close());
  return {
    get path() {
      return program.path;
    },
    run: (...args) => programRunner(program.path)(...args),
  };
}

export const PLACES = [
  ['PostgreSQL', postgresPlace],
  ['Redis', redisPlace],
  ['SQLite', sqlitePlace],
] as const;

export interface OpenedPlace {
  readonly place: Place;
  readonly queue: Queue<unknown>;
}

/** Gives each test a store with the queue `orders`. */
export function useQueue(
  createPlace: () => Promise<Place>,
  give: (opened: OpenedPlace) => void,
): void {
  let opened: OpenedPlace;
  beforeEach(async () => {
    const place = await createPlace();
    opened = { place, queue: openQueue(place.store, 'orders') };
    await opened.queue.start();
    give(opened);
  });
  afterEach(async () => {
    await opened.queue.close();
    await opened.place.close();
  });
}
