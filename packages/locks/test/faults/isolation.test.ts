import { seededRandom } from '@holdfast/internal';
import { createTestDatabase, isTorture, testSeed, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLocks, type Isolation, type Locks, type Transaction } from '../../src/index.ts';

const ROUNDS = isTorture ? 2_000 : 100;
const WORKERS = 8;
const ACCOUNTS = 5;

let database: TestDatabase;
let locks: Locks;

beforeAll(async () => {
  database = await createTestDatabase();
  locks = createLocks({ db: database.createPool({ max: WORKERS }), namespace: 'isolation' });
  await database.pool.query('create table accounts (id int primary key, balance int not null)');
  await database.pool.query(
    'create table on_call (doctor int primary key, is_on boolean not null)',
  );
});
beforeEach(async () => {
  await database.pool.query('truncate accounts, on_call');
  await database.pool.query(
    `insert into accounts select n, 100 from generate_series(1, ${ACCOUNTS}) n`,
  );
});
afterAll(() => database.close());

/** Lets workers run `ROUNDS` transactions in all; says how many were given up. */
async function runAll(
  isolation: Isolation,
  fn: (tx: Transaction, round: number) => Promise<void>,
): Promise<number> {
  let round = 0;
  let givenUp = 0;
  const retry = { attempts: 30, capMs: 50 };
  const work = async (): Promise<void> => {
    while (round < ROUNDS) {
      const mine = ++round;
      await locks
        .runTransaction((tx) => fn(tx, mine), { isolation, retry, ambiguous: 'throw' })
        .catch((error: unknown) => {
          if ((error as { code?: string }).code !== 'RETRIES_EXHAUSTED') throw error;
          givenUp += 1;
        });
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return givenUp;
}

async function number(query: string): Promise<number> {
  const { rows } = await database.pool.query<{ n: string }>(query);
  return Number(rows[0]?.n);
}

/** Reads, then writes what it has computed: an update in between is lost, unless the server minds. */
const addOne = async (tx: Transaction): Promise<void> => {
  const { rows } = await tx.query<{ balance: number }>('select balance from accounts where id = 1');
  await tx.query('update accounts set balance = $1 where id = 1', [rows[0]!.balance + 1]);
};

describe('a lost update', () => {
  it.each([
    ['read committed', true],
    ['repeatable read', false],
    ['serializable', false],
  ] as const)(
    'at %s happens: %s',
    async (isolation, happens) => {
      const givenUp = await runAll(isolation, addOne);
      const added = (await number('select balance as n from accounts where id = 1')) - 100;

      expect(added < ROUNDS - givenUp).toBe(happens);
    },
    60_000,
  );

  it('does not happen at read committed under an advisory lock', async () => {
    await Promise.all(
      Array.from({ length: ROUNDS }, () => locks.withAdvisoryLock('account 1', addOne)),
    );

    expect(await number('select balance as n from accounts where id = 1')).toBe(100 + ROUNDS);
  }, 60_000);
});

describe('the sum of a bank that moves money about', () => {
  it.each([
    ['read committed', true],
    ['repeatable read', false],
    ['serializable', false],
  ] as const)(
    'at %s is seen wrong while it is read in two steps: %s',
    async (isolation, happens) => {
      const random = seededRandom(testSeed());
      const account = (): number => 1 + Math.floor(ACCOUNTS * random());
      let wrong = 0;
      await runAll(isolation, async (tx, round) => {
        if (round % 2 === 0) {
          const { rows: first } = await tx.query<{ n: string }>(
            'select sum(balance) as n from accounts where id <= 2',
          );
          const { rows: rest } = await tx.query<{ n: string }>(
            'select sum(balance) as n from accounts where id > 2',
          );
          if (Number(first[0]?.n) + Number(rest[0]?.n) !== 100 * ACCOUNTS) wrong += 1;
          return;
        }
        // In the order of their ids, so that they do not wait for each other.
        const [low, high] = [account(), account()].sort((one, other) => one - other);
        await tx.query('update accounts set balance = balance - 7 where id = $1', [low]);
        await tx.query('update accounts set balance = balance + 7 where id = $1', [high]);
      });

      expect(wrong > 0).toBe(happens);
      expect(await number('select sum(balance) as n from accounts')).toBe(100 * ACCOUNTS);
    },
    60_000,
  );
});

describe('write skew: the last doctor on call goes home', () => {
  const runShifts = async (isolation: Isolation): Promise<number> => {
    let nobody = 0;
    for (let shift = 0; shift < (isTorture ? 300 : 20); shift += 1) {
      await database.pool.query('truncate on_call');
      await database.pool.query('insert into on_call select n, true from generate_series(1, 4) n');
      await Promise.all(
        [1, 2, 3, 4].map((doctor) =>
          locks.runTransaction(
            async (tx) => {
              const { rows } = await tx.query<{ n: string }>(
                'select count(*) as n from on_call where is_on',
              );
              if (Number(rows[0]?.n) < 2) return;
              await tx.query('update on_call set is_on = false where doctor = $1', [doctor]);
            },
            { isolation, retry: { attempts: 30, capMs: 20 }, ambiguous: 'throw' },
          ),
        ),
      );
      if ((await number('select count(*) as n from on_call where is_on')) === 0) nobody += 1;
    }
    return nobody;
  };

  it.each([
    ['read committed', true],
    ['repeatable read', true],
    ['serializable', false],
  ] as const)(
    'at %s happens: %s',
    async (isolation, happens) => {
      expect((await runShifts(isolation)) > 0).toBe(happens);
    },
    60_000,
  );
});
