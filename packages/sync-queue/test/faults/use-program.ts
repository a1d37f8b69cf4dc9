import { bundleProgram } from '@holdfast/testkit';
import { afterAll, beforeAll } from 'vitest';
import { openPlaces, type Places } from '../fixtures/places.ts';

export interface ProgramOnPlaces {
  readonly places: Places;
  /** Of the built program, for `spawnNode`. */
  readonly program: string;
}

/** Real servers and one program of `fixtures/` for processes of their own, while the tests of one file run. */
export function useProgram(name: string): () => ProgramOnPlaces {
  let opened: ProgramOnPlaces | undefined;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    const places = await openPlaces();
    closing.push(() => places.close());
    const built = await bundleProgram(new URL(`../fixtures/${name}`, import.meta.url));
    closing.push(() => built.close());
    opened = { places, program: built.path };
  });
  afterAll(async () => {
    for (const close of closing) await close();
  });
  return () => {
    if (opened === undefined) throw new Error('only while the tests run');
    return opened;
  };
}
