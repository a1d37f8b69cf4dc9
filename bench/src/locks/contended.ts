import { createLocks } from '@holdfast/locks';
import { startPostgresServer, startRedisServer } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { median } from '../median.ts';
import { createMutex, createRedlock } from './peers.ts';

const CONTENDERS = 32;
const HOLD_MS = 2;

/** Turns a second. With redlock one contender takes turn after turn, which costs nobody a hand-over. */
const TARGETS = { 'advisory-lock 2': 1, 'redlock 5': 0.8 } as const;

interface Contest {
  readonly perSecond: number;
  /** R. Jain, 1984: 1 when all have had equally many turns, 1/n when one has had all. */
  readonly jain: number;
  readonly longestWaitMs: number;
}

type WithLock = (fn: () => Promise<void>) => Promise<unknown>;

/** Callers who all want one lock, each again as soon as it has given it back. */
export async function measureContended(
  { smoke }: { readonly smoke: boolean },
  print: (line: object) => void,
): Promise<void> {
  await using postgres = await startPostgresServer();
  await using redis = await startRedisServer();
  const pool = new Pool({ connectionString: postgres.url, max: CONTENDERS });
  const locks = createLocks({ db: pool, namespace: 'bench' });
  const client = new Redis(redis.url);
  const redlock = createRedlock(client, { retryCount: -1 });
  const sides: Readonly<Record<string, WithLock>> = {
    ours: (fn) => locks.withAdvisoryLock('contended', fn),
    'advisory-lock 2': (fn) => createMutex(postgres.url, 'contended').withLock(fn),
    'redlock 5': (fn) => redlock.using(['contended'], 10_000, fn),
  };
  const seen: Record<string, Contest[]> = {};
  for (let round = 0; round < (smoke ? 1 : 7); round += 1) {
    for (const [name, withLock] of Object.entries(sides)) {
      (seen[name] ??= []).push(await contend(withLock, smoke ? 200 : 3_000));
    }
  }
  const ours = summarise(seen['ours'] ?? []);
  const bound = 2 * CONTENDERS * HOLD_MS;
  for (const [peer, target] of Object.entries(TARGETS)) {
    const theirs = summarise(seen[peer] ?? []);
    print({
      name: 'lock-contended',
      claim: `${CONTENDERS} contenders, ${HOLD_MS} ms each: Jain index >= 0.99, longest wait <= ${bound} ms, turns a second against ${peer}`,
      ...{ ours, peer: theirs },
      ratio: Number((ours.perSecond / theirs.perSecond).toPrecision(3)),
      target,
      ok:
        ours.jain >= 0.99 &&
        ours.longestWaitMs <= bound &&
        ours.perSecond >= target * theirs.perSecond,
    });
  }
  await client.quit();
  await pool.end();
}

async function contend(withLock: WithLock, ms: number): Promise<Contest> {
  const endMs = performance.now() + ms;
  let longestWaitMs = 0;
  const turns = await Promise.all(
    Array.from({ length: CONTENDERS }, async () => {
      let count = 0;
      while (performance.now() < endMs) {
        const askedMs = performance.now();
        await withLock(async () => {
          longestWaitMs = Math.max(longestWaitMs, performance.now() - askedMs);
          await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
        });
        count += 1;
      }
      return count;
    }),
  );
  const sum = turns.reduce((total, count) => total + count, 0);
  const squares = turns.reduce((total, count) => total + count ** 2, 0);
  return {
    perSecond: (1_000 * sum) / ms,
    jain: sum ** 2 / (CONTENDERS * squares),
    longestWaitMs,
  };
}

function summarise(rounds: readonly Contest[]): Contest {
  const of = (key: keyof Contest): number =>
    Number(median(rounds.map((round) => round[key])).toPrecision(4));
  return { perSecond: of('perSecond'), jain: of('jain'), longestWaitMs: of('longestWaitMs') };
}
