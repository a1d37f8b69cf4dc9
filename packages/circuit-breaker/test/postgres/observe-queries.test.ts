import {
  guardPg,
  observeQueries,
  type FailedQuery,
  type ObservedQuery,
  type ObserveQueriesOptions,
} from '@holdfast/circuit-breaker/postgres';
import {
  createFakeClock,
  createTestDatabase,
  type Pool,
  type PoolClient,
  type TestDatabase,
} from '@holdfast/testkit';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool as PgPool, Query, type QueryConfig, type QueryResult } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { timeout } from '../../src/index.ts';
import { BLOCKED, block, untilBlocked } from './blocked.ts';

let database: TestDatabase;
let pool: Pool;
let slow: ObservedQuery[] = [];
let failed: FailedQuery[] = [];
const stops: (() => void)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('create table account (id int primary key, email text unique)');
  await database.pool.query("insert into account values (1, 'a@example.org')");
});
beforeEach(() => {
  pool = database.createPool({ max: 3 });
  slow = [];
  failed = [];
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await pool.end();
});
afterAll(() => database.close());

/** Tells of every query, as none takes less than no time. */
function observe(options: ObserveQueriesOptions = {}, target = pool): () => void {
  const stop = observeQueries(target, {
    slowMs: 0,
    onSlow: (query) => slow.push(query),
    onError: (query) => failed.push(query),
    ...options,
  });
  stops.push(stop);
  return stop;
}

const FAILING = 'insert into account values ($1, $2)';

describe('which queries it tells of', () => {
  it('those of the pool, by text and by config', async () => {
    observe();

    const { rows } = await pool.query<{ n: number }>('select $1::int as n', [5]);
    await pool.query({ text: 'select $1::text', values: ['secret'] });
    await pool.query({ text: 'select 6', rowMode: 'array' });

    expect(rows).toEqual([{ n: 5 }]);
    expect(slow.map((query) => [query.sql, query.parameters])).toEqual([
      ['select $1::int as n', ['number']],
      ['select $1::text', ['string(6)']],
      ['select 6', []],
    ]);
  });

  it('those of clients that the pool hands out, each once, however often it is handed out', async () => {
    observe();

    for (const round of [1, 2, 3]) {
      const client = await pool.connect();
      await client.query(`select ${round}`);
      client.release();
    }

    expect(slow.map((query) => query.sql)).toEqual(['select 1', 'select 2', 'select 3']);
  });

  it('those with callbacks, of the pool and of clients, also handed out to a callback', async () => {
    observe();

    const answers = await new Promise<unknown[]>((resolve) => {
      pool.query('select 1 as n', (first, one) => {
        pool.query('select $1::int as n', [2], (second, two) => {
          pool.connect((none, client, release) => {
            client?.query('select 3 as n', (third, three: QueryResult) => {
              release();
              resolve([first, one.rows, second, two.rows, none, third, three.rows]);
            });
          });
        });
      });
    });

    const rows = [1, 2, 3].map((n) => [{ n }]);
    expect(answers.filter((answer) => Array.isArray(answer))).toEqual(rows);
    expect(answers.filter((answer) => !Array.isArray(answer)).some(Boolean)).toBe(false);
    expect(slow.map((query) => query.sql)).toEqual([
      'select 1 as n',
      'select $1::int as n',
      'select 3 as n',
    ]);
  });

  it('those with a callback inside the config, which stays as it is', async () => {
    observe();
    const client = await pool.connect();
    const query = (config: QueryConfig): Promise<unknown[]> =>
      new Promise((resolve) => {
        const whole = Object.freeze({
          ...config,
          callback: (...answer: unknown[]) => resolve(answer),
        });
        void (client.query as (config: unknown) => unknown)(whole);
      });

    const answers = [
      await query({ text: 'select $1::int as n', values: [5] }),
      await query({ text: 'select 1 / 0' }),
    ];
    client.release();

    expect(answers).toMatchObject([[null, { rows: [{ n: 5 }] }], [{ code: '22012' }]]);
    expect(slow.map((told) => [told.sql, told.parameters])).toEqual([
      ['select $1::int as n', ['number']],
    ]);
    expect(failed).toMatchObject([{ sql: 'select 1 / 0', sqlState: '22012' }]);
  });

  it('those with callbacks that fail, and passes the error on', async () => {
    observe();
    const error = await new Promise((resolve) => pool.query('select 1 / 0', resolve));
    const down = new PgPool({ host: '127.0.0.1', port: 1 });
    observe({}, down);
    const refused = await new Promise((resolve) => {
      down.connect(resolve);
    });
    await down.end();

    expect([error, refused]).toMatchObject([{ code: '22012' }, { code: 'ECONNREFUSED' }]);
    expect(failed).toMatchObject([{ sql: 'select 1 / 0', sqlState: '22012', error }]);
  });

  it('each of many at once as itself, also when clients are used beside the pool', async () => {
    observe({ parameters: 'show' });
    const numbers = Array.from({ length: 100 }, (_none, index) => index);
    const ask = async (n: number): Promise<number | undefined> => {
      const text = `select ${n} / $1::int as n`;
      const values = [n % 4 === 0 ? 0 : 1];
      const client = n % 2 === 0 ? pool : await pool.connect();
      const { rows } = await client.query<{ n: number }>(text, values).finally(() => {
        if ('release' in client) client.release();
      });
      return rows[0]?.n;
    };
    const answers = await Promise.allSettled(numbers.map(ask));

    const succeeded = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? [answer.value] : [],
    );
    expect(succeeded).toEqual(numbers.filter((n) => n % 4 !== 0));
    const told = (queries: readonly ObservedQuery[]): number[] =>
      queries.map(({ sql: text }) => Number(text.split(' ')[1])).sort((a, b) => a - b);
    expect(told(slow)).toEqual(succeeded);
    expect(told(failed)).toEqual(numbers.filter((n) => n % 4 === 0));
    for (const { sql: text, parameters } of [...slow, ...failed]) {
      expect(parameters).toEqual([Number(text.split(' ')[1]) % 4 === 0 ? 0 : 1]);
    }
  });

  it('those of prepared statements by name', async () => {
    observe();
    const client = await pool.connect();
    await client.query('prepare answer as select 42 as n');
    await client.query({ name: 'answer' } as QueryConfig).catch(() => undefined);
    client.release();

    expect([...slow, ...failed].map((query) => query.sql)).toEqual([
      'prepare answer as select 42 as n',
      'prepared statement answer',
    ]);
  });

  it('none that nobody listens for', async () => {
    observe({ onSlow: undefined });
    await pool.query('select 1');
    stops.pop()?.();
    observe({ onError: undefined });
    await expect(pool.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' });

    expect([slow, failed]).toEqual([[], []]);
  });

  it('those of Kysely on the same pool, with the line that asked', async () => {
    observe();
    const db = new Kysely<{ account: { id: number; email: string } }>({
      dialect: new PostgresDialect({ pool }),
    });

    await db.selectFrom('account').selectAll().where('id', '=', 1).execute();
    await db.transaction().execute(async function inTransaction(trx) {
      const insert = trx.insertInto('account').values({ id: 1, email: 'b@example.org' });
      await expect(insert.execute()).rejects.toMatchObject({ code: '23505' });
      await expect(sql`select 1`.execute(trx)).rejects.toMatchObject({ code: '25P02' });
    });

    expect(slow.map((query) => query.sql)).toEqual([
      'select * from "account" where "id" = $1',
      'begin',
      'commit',
    ]);
    expect(slow[0]?.caller).toContain('observe-queries.test.ts');
    const [first, second] = failed;
    expect(first).toMatchObject({ sqlState: '23505', parameters: ['number', 'string(13)'] });
    expect(second?.rootCause).toBe(first);
  });

  it('none of queries that submit themselves, which still work', async () => {
    observe();
    const client = await pool.connect();
    const query = client.query(new Query('select 7 as n'));
    const ended = new Promise((resolve) => query.on('end', resolve));
    const row = await new Promise((resolve) => query.on('row', resolve));
    await ended;
    client.release();

    expect(row).toEqual({ n: 7 });
    expect(slow).toEqual([]);
  });

  it('what a query was that found no connection', async () => {
    const unreachable = new PgPool({ host: '127.0.0.1', port: 1 });
    observe({}, unreachable);

    await expect(unreachable.query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    expect(failed).toMatchObject([{ sql: 'select 1', sqlState: undefined, rootCause: undefined }]);
    await unreachable.end();
  });

  it('nothing of arguments that pg refuses, and changes nothing about it', async () => {
    observe();
    const client = await pool.connect();

    expect(() => client.query(null as never)).toThrow(TypeError);
    await expect(client.query({} as never)).rejects.toThrow('must have either text or a name');
    client.release();

    expect(failed.map((query) => query.sql)).toEqual(['']);
  });
});

describe('what it tells', () => {
  it('only queries that took as long, by the clock, without the wait for a connection', async () => {
    const clock = createFakeClock();
    const small = database.createPool({ max: 1 });
    observe({ clock, slowMs: 100 }, small);
    const blocked = await block(pool);
    const first = small.query(BLOCKED);
    const second = small.query('select 2');
    await untilBlocked(pool);
    await clock.advance(100);
    await blocked.release();
    await Promise.all([first, second]);

    expect(slow).toMatchObject([{ sql: BLOCKED, durationMs: 100 }]);
  });

  it('a failure with its SQLSTATE and the error itself, and no value of a parameter', async () => {
    observe();

    const error = await pool.query(FAILING, [1, 'secret']).catch((thrown: unknown) => thrown);

    expect(failed).toMatchObject([
      { sql: FAILING, sqlState: '23505', parameters: ['number', 'string(6)'] },
    ]);
    expect(failed[0]?.error).toBe(error);
    expect(slow).toEqual([]);
    expect(JSON.stringify({ ...failed[0], error: undefined })).not.toContain('secret');
  });

  it('parameters by type, or as they are, when it was asked to', async () => {
    observe({ parameters: 'types' });
    await pool.query('select $1::text', ['secret']);
    stops.pop()?.();
    observe({ parameters: 'show' });
    await pool.query('select $1::text', ['secret']);

    expect(slow.map((query) => query.parameters)).toEqual([['string'], ['secret']]);
  });

  it('no more of the SQL than it was asked to', async () => {
    observe({ maxSqlLength: 8 });

    await pool.query('select 1 as n');

    expect(slow[0]?.sql).toBe('select 1…');
  });
});

describe('the caller', () => {
  async function loadFromPool(): Promise<void> {
    await pool.query('select 1');
  }
  async function loadFromClient(): Promise<void> {
    const client = await pool.connect();
    try {
      await client.query('select 2');
    } finally {
      client.release();
    }
  }
  async function loadNothing(): Promise<void> {
    await pool.query('select 1 / 0').catch(() => undefined);
  }

  it('is whoever awaits the query, without a stack captured when it was called', async () => {
    observe();

    await loadFromPool();
    await loadFromClient();

    expect(slow.map((query) => query.caller)).toEqual([
      expect.stringMatching(/^loadFromPool \(.*observe-queries\.test\.ts:\d+:\d+\)$/),
      expect.stringMatching(/^loadFromClient \(.*observe-queries\.test\.ts:\d+:\d+\)$/),
    ]);
  });

  it('is not known of callbacks and through a policy with a timer, unless captured at the call', async () => {
    const byCallback = (): Promise<unknown> =>
      new Promise((resolve) => pool.query('select 1', resolve));
    const guarded = guardPg(pool, timeout({ ms: 30_000 }));
    const stop = observe();
    await byCallback();
    await guarded.query('select 2');
    stop();
    observe({ captureCaller: 'call' });
    await byCallback();
    await guarded.query('select 3');
    await loadNothing();

    expect(slow.slice(0, 2).map((query) => query.caller)).toEqual([undefined, undefined]);
    for (const { caller } of [...slow.slice(2), ...failed]) {
      expect(caller).toContain('observe-queries.test.ts');
    }
    expect(slow).toHaveLength(4);
  });

  it('leaves the stack of the error as useful as it was', async () => {
    observe();

    const error = await pool.query('select 1 / 0').catch((thrown: unknown) => thrown as Error);

    expect((error as Error).stack).toContain('observe-queries.test.ts');
  });
});

describe('the root cause of a failed transaction', () => {
  async function transaction(texts: readonly string[], client: PoolClient): Promise<void> {
    for (const text of texts) await client.query(text).catch(() => undefined);
  }

  it('is the first statement that failed in it', async () => {
    observe();
    const client = await pool.connect();
    await transaction(
      ['begin', 'select 1', 'select 1 / 0', 'select 2', 'nonsense', 'select 3', 'rollback'],
      client,
    );
    client.release();

    const [cause, first, nonsense, second] = failed;
    expect(failed.map((query) => query.sqlState)).toEqual(['22012', '25P02', '42601', '25P02']);
    expect(cause?.sql).toBe('select 1 / 0');
    expect(first?.rootCause).toBe(cause);
    expect(second?.rootCause).toBe(cause);
    expect([cause?.rootCause, nonsense?.rootCause]).toEqual([undefined, undefined]);
  });

  it('is not told by PostgreSQL: without having seen the first failure there is none', async () => {
    const client = await pool.connect();
    await transaction(['begin', 'select 1 / 0'], client);
    observe();
    client.release();
    const again = await pool.connect();
    await transaction(['select 1', 'rollback'], again);
    again.release();

    expect(failed).toMatchObject([{ sqlState: '25P02', rootCause: undefined }]);
  });

  it.each(['rollback', 'commit'])(
    'is forgotten after %s, also when the client is used again',
    async (end) => {
      const small = database.createPool({ max: 1 });
      observe({}, small);
      for (const divisor of ['0', '(2 - 2)']) {
        const client = await small.connect();
        await transaction(['begin', `select 1 / ${divisor}`, 'select 2', end], client);
        client.release();
      }

      expect(failed.map((query) => query.rootCause?.sql)).toEqual([
        undefined,
        'select 1 / 0',
        undefined,
        'select 1 / (2 - 2)',
      ]);
    },
  );

  it('is that of the part after a savepoint that was rolled back', async () => {
    observe();
    const client = await pool.connect();
    await transaction(
      [
        ...['begin', 'savepoint one', 'select 1 / 0', 'rollback to one'],
        ...['select 1 / (1 - 1)', 'select 2', 'rollback'],
      ],
      client,
    );
    client.release();

    expect(failed.at(-1)?.rootCause?.sql).toBe('select 1 / (1 - 1)');
  });

  it('is not a failure outside of the transaction', async () => {
    observe();
    const client = await pool.connect();
    await transaction(
      ['select 1 / 0', 'begin; select 1 / (1 - 1)', 'select 2', 'rollback', 'select 3'],
      client,
    );
    client.release();

    expect(failed.map((query) => query.rootCause?.sql)).toEqual([
      undefined,
      undefined,
      'begin; select 1 / (1 - 1)',
    ]);
  });

  it('is found when somebody gave the client back in a failed transaction', async () => {
    const small = database.createPool({ max: 1 });
    observe({}, small);
    const client = await small.connect();
    await transaction(['begin', 'select 1 / 0'], client);
    client.release();

    await expect(small.query('select 1')).rejects.toMatchObject({ code: '25P02' });

    expect(failed.at(-1)?.rootCause?.sql).toBe('select 1 / 0');
  });
});

describe('what it leaves alone', () => {
  it('changes no result when a listener throws, and says so in a warning', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', listen);
    const fail = (): never => {
      throw new Error('of the listener');
    };
    observe({ onSlow: fail, onError: fail });

    const { rows } = await pool.query('select 1 as n');
    await expect(pool.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);

    expect(rows).toEqual([{ n: 1 }]);
    expect(warnings.map(({ name }) => name)).toEqual([
      'HoldfastListenerWarning',
      'HoldfastListenerWarning',
    ]);
  });

  it('puts the pool back when it is stopped, and clients when they are used next', async () => {
    const before = Object.keys(pool);
    const listeners = pool.eventNames().map((name) => pool.listenerCount(name));
    const stop = observe();
    const client = await pool.connect();
    await client.query('select 1');
    expect(Object.hasOwn(client, 'query')).toBe(true);
    const running = client.query('select 2');
    stop();
    stop();
    await running;
    await client.query('select 3');
    client.release();
    await pool.query('select 4');

    expect(slow.map((query) => query.sql)).toEqual(['select 1']);
    expect(Object.hasOwn(client, 'query')).toBe(false);
    expect([Object.hasOwn(pool, 'query'), Object.hasOwn(pool, 'connect')]).toEqual([false, false]);
    expect(Object.keys(pool)).toEqual(before);
    expect(pool.eventNames().map((name) => pool.listenerCount(name))).toEqual(listeners);
  });

  it.each([
    ['in turn', [0, 1]],
    ['in reverse', [1, 0]],
  ])('lets several observe one pool, and stop %s', async (_order, order) => {
    const seen: string[] = [];
    const both = ['one', 'two'].map((name) =>
      observe({ onSlow: (query) => seen.push(`${name} ${query.sql}`) }),
    );
    const client = await pool.connect();
    await client.query('select 1');
    const stopped = order.map((index) => {
      both[index]?.();
      return ['one', 'two'][index];
    });
    both.push(observe({ onSlow: (query) => seen.push(`three ${query.sql}`) }));
    await client.query('select 2');
    client.release();
    await pool.query('select 3');

    expect(stopped).toHaveLength(2);
    expect(seen.sort()).toEqual(['one select 1', 'three select 3', 'two select 1']);
  });

  it('keeps nothing of a client that is gone', async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const fake = {
      query: () => Promise.resolve(1),
      connect: () => Promise.resolve({ query: () => Promise.reject(new Error('no')) }),
    };
    stops.push(observeQueries(fake, { onError: () => undefined }));
    const gone = await (async () => {
      const client = await fake.connect();
      await client.query().catch(() => undefined);
      await (client.query as (text: string) => Promise<unknown>)('select 1').catch(() => undefined);
      return new WeakRef(client);
    })();
    await new Promise((resolve) => setImmediate(resolve));
    collect();

    expect(gone.deref()).toBeUndefined();
  });
});
