import { guardPg, observeQueries } from '@holdfast/circuit-breaker/postgres';
import {
  createFakeClock,
  createTestDatabase,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { Pool as PgPool, Query } from 'pg';
import { afterAll, beforeAll, expect, expectTypeOf, it } from 'vitest';
import { circuitBreaker, consecutive, retry, timeout } from '../../src/index.ts';
import { BLOCKED, block, untilBlocked } from './blocked.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.createPool({ max: 4 });
});
afterAll(() => database.close());

it('runs each query of the pool under the policy, and keeps the types of the pool', async () => {
  const policy = circuitBreaker();
  const guarded = guardPg(pool, policy);

  const byText = await guarded.query<{ n: number }>('select $1::int as n', [5]);
  const byConfig = await guarded.query({ text: 'select 6 as n', rowMode: 'array' });

  expectTypeOf(guarded).toEqualTypeOf<Pool>();
  expectTypeOf(byText.rows).toEqualTypeOf<{ n: number }[]>();
  expect([byText.rows, byConfig.rows]).toEqual([[{ n: 5 }], [[6]]]);
  expect(policy.snapshot().counters).toMatchObject({ calls: 2, succeeded: 2 });
});

it('rejects with the error of the policy, without a query', async () => {
  const guarded = guardPg(pool, circuitBreaker({ trip: consecutive(1) }));
  await expect(guarded.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' });

  await expect(guarded.query('select 1')).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
  expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
});

it('sends the query again when the policy retries', async () => {
  await pool.query('create sequence attempts');
  const guarded = guardPg(pool, retry({ backoff: { baseMs: 0 } }));

  const { rows } = await guarded.query<{ n: number }>(
    "select 1 / greatest(0, nextval('attempts')::int - 2) as n",
  );

  expect(rows).toEqual([{ n: 1 }]);
});

it('gives the policy the options that the arguments of the query ask for', async () => {
  const seen: unknown[] = [];
  const policy = {
    execute: (fn: (context: never) => unknown, options?: object) => {
      seen.push(options);
      return Promise.resolve(fn(undefined as never));
    },
  };
  const optionsOf = (text: unknown) => ({ idempotent: String(text).startsWith('select') });
  const guarded = guardPg(pool, policy, { optionsOf });

  await guarded.query('select 1');
  await guarded.query('begin; commit');
  await guardPg(pool, policy).query('select 1');

  expect(seen).toEqual([{ idempotent: true }, { idempotent: false }, undefined]);
});

it('lets a query go on in the server that the policy gave up on', async () => {
  const clock = createFakeClock();
  const guarded = guardPg(pool, timeout({ ms: 100, clock }));
  const blocked = await block(pool);
  const query = guarded.query(BLOCKED).catch((error: unknown) => error);
  const pid = await untilBlocked(pool);
  await clock.advance(100);

  expect(await query).toMatchObject({ code: 'TIMEOUT' });
  expect(await untilBlocked(pool)).toBe(pid);
  await blocked.release();
});

it('passes everything else through: connect, on, end, counts, classes', async () => {
  const own = database.createPool({ max: 1 });
  const guarded = guardPg(own, timeout({ ms: 1_000 }));

  expect(guarded).toBeInstanceOf(PgPool);
  expect(guarded.constructor).toBe(own.constructor);
  expect(guarded.totalCount).toBe(0);
  expect(Reflect.get(guarded, 'connect')).toBe(Reflect.get(guarded, 'connect'));
  const client = await guarded.connect();
  expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  expect([guarded.totalCount, guarded.idleCount]).toEqual([1, 0]);
  client.release();
  expect(guarded.on('error', () => undefined)).toBe(guarded);
  expect(own.listenerCount('error')).toBe(2);
  guarded.options.max = 2;
  expect(own.options.max).toBe(2);
  await guarded.end();
  expect(own.ended).toBe(true);
});

it('calls methods on the pool itself, which may have private fields', async () => {
  class CountingPool {
    #queries = 0;
    get queries(): number {
      return this.#queries;
    }
    query(text: string): Promise<string> {
      this.#queries += 1;
      return Promise.resolve(text);
    }
    reset(): this {
      this.#queries = 0;
      return this;
    }
  }
  const guarded = guardPg(new CountingPool(), timeout({ ms: 1_000 }));

  expect(await guarded.query('a')).toBe('a');
  expect(guarded.queries).toBe(1);
  expect(guarded.reset()).toBe(guarded);
  expect(guarded.queries).toBe(0);
});

it('refuses callbacks, cursors and streams', () => {
  const guarded = guardPg(pool, timeout({ ms: 1_000 }));

  expect(() => guarded.query('select 1', () => undefined)).toThrow(
    new TypeError('query of a guarded pool takes no callback: await its promise'),
  );
  expect(() => guarded.query('select $1', [1], () => undefined)).toThrow(TypeError);
  expect(() => guarded.query(new Query('select 1'))).toThrow(
    new TypeError('query of a guarded pool takes no cursor or stream: use a client for it'),
  );
});

it('lets the pool be observed, before or after; the guard itself cannot be', async () => {
  const guarded = guardPg(pool, timeout({ ms: 1_000 }));
  const seen: string[] = [];
  const stop = observeQueries(pool, { slowMs: 0, onSlow: ({ sql }) => seen.push(sql) });

  await guarded.query('select 1');
  stop();
  await guarded.query('select 2');

  expect(seen).toEqual(['select 1']);
  const message = 'query of a guarded pool cannot be replaced: replace that of the pool itself';
  expect(() => observeQueries(guarded, {})).toThrow(new TypeError(message));
  expect(() => {
    guarded.query = (() => undefined) as never;
  }).toThrow(new TypeError(message));
  expect((await guarded.query('select 3 as n')).rows).toEqual([{ n: 3 }]);
});
