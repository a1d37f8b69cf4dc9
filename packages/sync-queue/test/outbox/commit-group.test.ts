import type { OutboxRows } from '@holdfast/sync-queue';
import Libsql from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commitGroup, createWrite } from '../../src/outbox/sqlite/commit-group.ts';
import { OUTBOX_SCHEMA } from '../../src/outbox/sqlite/outbox-schema.ts';
import { SqliteRows } from '../../src/outbox/sqlite/sqlite-rows.ts';
import type { Database } from '../../src/sqlite/database.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { newUnit } from './store-contract.ts';

type Work = (rows: OutboxRows) => unknown;

let database: Database;
let rows: SqliteRows;
/** What the next read of `meta` does instead. */
let breaks: (() => never) | undefined;

beforeEach(() => {
  database = new Libsql(':memory:');
  migrate(database, OUTBOX_SCHEMA, 'memory');
  breaks = undefined;
  rows = new SqliteRows((sql) => {
    const statement = database.prepare(sql);
    if (!sql.startsWith('SELECT value FROM outbox_meta')) return statement;
    return {
      run: (parameters) => statement.run(parameters),
      all: (parameters) => statement.all(parameters),
      get: (parameters) => (breaks === undefined ? statement.get(parameters) : breaks()),
    };
  });
});
afterEach(() => database.close());

/** As SQLite ends a transaction itself when a read fails (SQLite, "Transaction", section 3.2). */
function endsTransaction(): never {
  database.exec('ROLLBACK');
  failsAlone();
}

function failsAlone(): never {
  throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
}

/** As who takes each failure for one of its own data. */
function swallowing(rows: OutboxRows): void {
  try {
    rows.meta('a');
  } catch {
    rows.insert(newUnit('after'));
  }
}

async function commit(...works: Work[]): Promise<PromiseSettledResult<unknown>[]> {
  const done: Promise<unknown>[] = [];
  const group = works.map((work) => {
    let write: ReturnType<typeof createWrite> | undefined;
    done.push(
      new Promise((resolve, reject) => {
        write = createWrite(work, resolve, reject);
      }),
    );
    if (write === undefined) throw new Error('a promise runs its executor at once');
    return write;
  });
  commitGroup({ database, rows }, group);
  return Promise.allSettled(done);
}

function held(): { readonly ids: string[]; readonly count: number } {
  const ids = rows.list({ afterSeq: 0, limit: 100 }).map(({ id }) => id);
  return { ids, count: rows.totals().count };
}

const add =
  (id: string): Work =>
  (rows) => {
    rows.insert(newUnit(id));
    return id;
  };

const notApplied = {
  status: 'rejected',
  reason: { code: 'STORE_FAILED', outcome: 'not-applied', cause: { code: 'SQLITE_IOERR_READ' } },
};

test.each<[string, Work]>([
  ['tells of it', (rows) => rows.meta('a')],
  ['takes no notice', swallowing],
])('fails whole when SQLite ends the transaction under a write that %s', async (_how, work) => {
  breaks = endsTransaction;
  const ends = await commit(add('before'), work, add('behind'));

  for (const end of ends) expect(end).toMatchObject(notApplied);
  expect(held()).toEqual({ ids: [], count: 0 });

  breaks = undefined;
  expect(await commit(add('next'))).toEqual([{ status: 'fulfilled', value: 'next' }]);
  expect(held()).toEqual({ ids: ['next'], count: 1 });
});

test('fails whole when the transaction has ended and no statement has failed', async () => {
  const ends = await commit(add('before'), () => database.exec('ROLLBACK'), add('behind'));

  for (const end of ends) {
    expect(end).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
  }
  expect(held()).toEqual({ ids: [], count: 0 });
});

test('fails whole when the transaction ends while writes are done apart', async () => {
  let runs = 0;
  const ends = await commit(
    add('before'),
    (rows) => {
      rows.insert(newUnit('half'));
      throw new Error('half way');
    },
    () => {
      runs += 1;
      database.exec('ROLLBACK');
    },
    add('behind'),
  );

  expect(runs).toBe(1);
  for (const end of ends) {
    expect(end).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
  }
  expect(held()).toEqual({ ids: [], count: 0 });
});

test.each<[string, Work]>([
  ['tells of it', (rows) => rows.meta('a')],
  ['takes no notice', swallowing],
])('refuses a write alone whose statement fails, and that %s', async (_how, work) => {
  breaks = failsAlone;
  const refusal = Object.assign(new Error('mine'), { code: 'SQLITE_FULL' });
  const ends = await commit(
    add('before'),
    work,
    () => {
      throw refusal;
    },
    add('behind'),
  );

  expect(ends).toMatchObject([
    { status: 'fulfilled' },
    notApplied,
    { status: 'rejected', reason: refusal },
    { status: 'fulfilled' },
  ]);
  expect(held()).toEqual({ ids: ['before', 'behind'], count: 2 });
});
