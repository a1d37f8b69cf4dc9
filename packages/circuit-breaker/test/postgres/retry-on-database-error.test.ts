import { retryOnDatabaseError } from '@holdfast/circuit-breaker/postgres';
import { createFakeClock } from '@holdfast/testkit';
import { expect, it, test } from 'vitest';
import { timeout } from '../../src/index.ts';

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Calls work that fails with `errors` and then succeeds; what each wait was. */
async function run(
  errors: readonly Error[],
  options: Parameters<typeof retryOnDatabaseError>[0] = {},
  idempotent = false,
): Promise<{ calls: number; delays: number[]; ok: boolean }> {
  const clock = createFakeClock();
  const policy = retryOnDatabaseError({ clock, random: () => 1, ...options });
  const delays: number[] = [];
  policy.on('retry', ({ delayMs }) => delays.push(delayMs));
  let calls = 0;
  const outcome = policy.tryExecute(
    () => {
      calls += 1;
      const error = errors[calls - 1];
      if (error !== undefined) throw error;
      return calls;
    },
    { idempotent },
  );
  await clock.advance(60_000);
  return { calls, delays, ok: (await outcome).ok };
}

it('makes five attempts, with waits from 50 ms doubling to at most 2 s', async () => {
  const failures = Array.from({ length: 9 }, () => coded('40001'));

  expect(await run(failures)).toEqual({ calls: 5, delays: [50, 100, 200, 400], ok: false });
  const { delays } = await run(failures, { attempts: 8 });
  expect(delays).toEqual([50, 100, 200, 400, 800, 1_600, 2_000]);
});

it('takes attempts, back-off and name from the caller', async () => {
  const failures = [coded('40P01'), coded('40P01')];

  expect(await run(failures, { attempts: 2, backoff: { baseMs: 5 } })).toEqual({
    calls: 2,
    delays: [5],
    ok: false,
  });
  expect(retryOnDatabaseError().name).toBe('database-retry');
  expect(retryOnDatabaseError({ name: 'orders' }).name).toBe('orders');
});

test.each([
  ['a constraint that was violated', coded('23505')],
  ['an error in the program', new TypeError('x is not a function')],
  ['an error that is not of the database', coded('ENOENT')],
  ['a connection that broke', coded('ECONNRESET')],
])('does not retry %s', async (_what, error) => {
  expect(await run([error])).toEqual({ calls: 1, delays: [], ok: false });
});

it('repeats what may have been done only for idempotent calls', async () => {
  const result = await run([coded('ECONNRESET')], {}, true);

  expect(result).toEqual({ calls: 2, delays: [50], ok: true });
});

it('asks the classifiers of the caller first', async () => {
  const classify = () => ({ retry: false });

  expect((await run([coded('40001')], { classify })).calls).toBe(1);
  const known = () => ({ retry: true });
  expect((await run([new Error('mine')], { classify: known })).calls).toBe(2);
});

it('retries short resources once', async () => {
  expect((await run([coded('53200'), coded('53200')])).calls).toBe(2);
});

it('guards a function, and takes a timeout inside for one that may have been applied', async () => {
  const clock = createFakeClock();
  const policy = retryOnDatabaseError({ clock });
  let calls = 0;
  const guarded = policy.guard((hang: boolean) => {
    calls += 1;
    return timeout({ ms: 10, clock }).execute(() => (hang ? new Promise(() => undefined) : 5));
  });

  expect(await guarded(false)).toBe(5);
  const hung = guarded(true).catch((error: unknown) => error);
  await clock.advance(10);
  expect(await hung).toMatchObject({ code: 'TIMEOUT' });
  expect(calls).toBe(2);
});
