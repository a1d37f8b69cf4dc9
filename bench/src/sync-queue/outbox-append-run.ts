/**
 * Appends to an outbox in a file, each append durable (`synchronous = FULL`): one after another for the latency, and many
 * at a time for the rate, against one INSERT a commit by hand. Arguments: `smoke`. Prints one JSON line for each claim.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOutbox, type Outbox } from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';
import Database from 'libsql';
import { median } from '../median.ts';

const isSmoke = process.argv[2] === 'smoke';
const ROUNDS = isSmoke ? 1 : 7;
const ALONE = isSmoke ? 20 : 500;
const TOGETHER = isSmoke ? 200 : 10_000;
const AT_A_TIME = 250;

interface Side {
  append(id: string): Promise<void>;
  close(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'outbox-bench-'));
let files = 0;
const newPath = (): string => join(folder, `${(files += 1)}.db`);

function ours(): Side {
  const outbox: Outbox = createOutbox({
    store: sqliteOutboxStore({ path: newPath() }),
    clientId: 'bench',
    limits: { maxCount: 1_000_000, maxBytes: 2 ** 30 },
    push: () => Promise.reject(new Error('offline')),
  });
  return {
    async append(id) {
      await outbox.enqueue({ kind: 'insert', entity: 'note', id, doc: { text: 'x'.repeat(100) } });
    },
    close: () => outbox.close(),
  };
}

/** As it is written by hand: one row in a table, one commit. */
function byHand(): Side {
  const database = new Database(newPath());
  database.pragma('journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE op (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, payload TEXT)');
  const insert = database.prepare('INSERT INTO op (id, payload) VALUES (?, ?)');
  return {
    append(id) {
      insert.run([id, JSON.stringify({ text: 'x'.repeat(100) })]);
      return Promise.resolve();
    },
    close: () => Promise.resolve(void database.close()),
  };
}

/** Milliseconds that 99 of 100 appends take at most, one after another. */
async function p99(side: Side): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < ALONE; index += 1) {
    const startedMs = performance.now();
    await side.append(`alone ${index}`);
    times.push(performance.now() - startedMs);
  }
  return times.sort((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? NaN;
}

async function perSecond(side: Side): Promise<number> {
  const startedMs = performance.now();
  for (let start = 0; start < TOGETHER; start += AT_A_TIME) {
    const group = Array.from({ length: AT_A_TIME }, (_, index) => side.append(`${start + index}`));
    await Promise.all(group);
  }
  return TOGETHER / ((performance.now() - startedMs) / 1000);
}

const seen = {
  ours: { p99: [] as number[], rate: [] as number[] },
  peer: { p99: [] as number[], rate: [] as number[] },
};
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, create] of [
    ['ours', ours],
    ['peer', byHand],
  ] as const) {
    const side = create();
    await side.append('warm');
    seen[name].p99.push(await p99(side));
    seen[name].rate.push(await perSecond(side));
    await side.close();
  }
}
rmSync(folder, { recursive: true });

const line = (claim: string, pick: 'p99' | 'rate', more: object): void => {
  const [a, b] = [median(seen.ours[pick]), median(seen.peer[pick])];
  const spread = [Math.min(...seen.ours[pick]), Math.max(...seen.ours[pick])];
  const round = (value: number): number => Number(value.toPrecision(3));
  const sides = { ours: round(a), spread: spread.map(round), peer: round(b), ratio: round(a / b) };
  process.stdout.write(
    `${JSON.stringify({ name: 'outbox-append', claim, ...sides, ...more, rounds: ROUNDS })}\n`,
  );
};
line('milliseconds of one durable append, p99, against one INSERT a commit by hand', 'p99', {
  target: 10,
  ok: median(seen.ours.p99) <= 10,
});
line(
  `durable appends a second, ${AT_A_TIME} at a time, against one INSERT a commit by hand`,
  'rate',
  {
    target: 5000,
    ok: median(seen.ours.rate) >= 5000,
  },
);
