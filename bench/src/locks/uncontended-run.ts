/** One caller takes and gives back a lock that nobody else wants. Arguments: URLs of PostgreSQL and Redis, `smoke`. */
import { createLocks, lockKey } from '@holdfast/locks';
import { Redis } from 'ioredis';
import { Client, Pool } from 'pg';
import { compare } from '../compare.ts';
import { createMutex, createRedlock } from './peers.ts';

const KEY = 'uncontended';

interface Peer {
  readonly name: string;
  readonly claim: string;
  readonly target: number;
  /** One lock, taken and given back. */
  readonly once: () => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

const [postgres = '', redis = '', smoke] = process.argv.slice(2);
const pool = new Pool({ connectionString: postgres, max: 1 });
const locks = createLocks({ db: pool, namespace: 'bench' });
const operations = smoke === undefined ? 2_000 : 20;
const nothing = (): Promise<void> => Promise.resolve();
const times = async (once: () => Promise<unknown>): Promise<void> => {
  for (let n = 0; n < operations; n += 1) await once();
};
for (const create of [
  bareSelect,
  twoMessages,
  fourRoundTrips,
  advisoryLockPackage,
  redlockPackage,
]) {
  const { name, claim, target, once, close } = await create();
  const comparison = await compare(
    {
      ...{ claim, target, operations },
      ours: () => times(() => locks.withAdvisoryLock(KEY, nothing)),
      peer: () => times(once),
      close: () => Promise.resolve(),
    },
    smoke === undefined ? 11 : 1,
  );
  await close();
  process.stdout.write(`${JSON.stringify({ name, ...comparison })}\n`);
}
await pool.end();

/** The least that PostgreSQL can do: lock and commit in one statement of one round trip, on a connection that is there. */
async function bareSelect(): Promise<Peer> {
  const client = new Client({ connectionString: postgres });
  await client.connect();
  const text = `select pg_advisory_xact_lock(${lockKey('bare', KEY)})`;
  return {
    name: 'lock-bare-select',
    claim: 'locks a second, against a bare SELECT pg_advisory_xact_lock',
    target: 0.4,
    once: () => client.query(text),
    close: () => client.end(),
  };
}

/** What we send, by hand and with nothing around it: the most that two messages of `pg` can reach against one. */
function twoMessages(): Promise<Peer> {
  const own = new Pool({ connectionString: postgres, max: 1 });
  const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_try_advisory_xact_lock(${lockKey('two', KEY)}) AS acquired`;
  return Promise.resolve({
    name: 'lock-two-messages',
    claim: 'locks a second, against the same two messages by hand',
    target: 0.9,
    async once() {
      const client = await own.connect();
      await client.query(begin);
      await client.query('COMMIT');
      client.release();
    },
    close: () => own.end(),
  });
}

/** What is written by hand: a statement each to begin, to bound the wait, to lock, to commit. */
function fourRoundTrips(): Promise<Peer> {
  const own = new Pool({ connectionString: postgres, max: 1 });
  const id = String(lockKey('four', KEY));
  return Promise.resolve({
    name: 'lock-four-round-trips',
    claim: 'locks a second, against BEGIN, SET LOCAL lock_timeout, SELECT and COMMIT one by one',
    target: 1.2,
    async once() {
      const client = await own.connect();
      await client.query('begin');
      await client.query('set local lock_timeout = 30000');
      await client.query('select pg_advisory_xact_lock($1)', [id]);
      await client.query('commit');
      client.release();
    },
    close: () => own.end(),
  });
}

function advisoryLockPackage(): Promise<Peer> {
  const mutex = createMutex(postgres, KEY);
  return Promise.resolve({
    name: 'lock-advisory-lock',
    claim: 'locks a second, against withLock of advisory-lock 2',
    target: 1,
    once: () => mutex.withLock(() => Promise.resolve()),
    close: () => Promise.resolve(),
  });
}

function redlockPackage(): Promise<Peer> {
  const client = new Redis(redis);
  const redlock = createRedlock(client);
  return Promise.resolve({
    name: 'lock-redlock',
    claim: 'locks a second, against acquire and release of redlock 5 on one Redis',
    // Redis writes nothing to a log and has no transaction: the notes measured 0.75 for the bare commands.
    target: 0.5,
    async once() {
      const lock = await redlock.acquire([KEY], 30_000);
      await lock.release();
    },
    close: () => client.quit(),
  });
}
