import { announce } from './announce.ts';

let seed: number | undefined;

/**
 * The seed of this run: `HOLDFAST_SEED`, or a random one. Printed once, so that a failure can be repeated. Use it with
 * `seededRandom` of internal.
 *
 * @throws {RangeError} when `HOLDFAST_SEED` is not an integer.
 */
export function testSeed(): number {
  if (seed !== undefined) return seed;
  const given = process.env['HOLDFAST_SEED'];
  if (given === undefined || given === '') {
    seed = Math.floor(Math.random() * 2 ** 31);
  } else {
    const parsed = Number(given);
    if (!Number.isSafeInteger(parsed)) {
      throw new RangeError(`HOLDFAST_SEED must be an integer, got ${JSON.stringify(given)}`);
    }
    seed = parsed;
  }
  announce(`seed ${seed} (repeat with HOLDFAST_SEED=${seed})`);
  return seed;
}
