import {
  createFakeClock,
  createTestDatabase,
  type FakeClock,
  type TestDatabase,
} from '@holdfast/testkit';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIngest, type Ingest, type Outcome } from '../../src/system/ingest.ts';
import type { MessageKind } from '../../src/system/wire.ts';
import { migrate } from '../../src/system/migrations.ts';
import { NodeRegistry } from '../../src/system/node-registry.ts';
import { createWriters, type TelemetryWriters } from '../../src/system/writers.ts';

let database: TestDatabase;
let writers: TelemetryWriters;
let clock: FakeClock;
let ingest: Ingest;
let nextId = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool);
  writers = createWriters(database.pool, pino({ level: 'silent' }));
});
afterAll(async () => {
  await Promise.all([writers.samples.close(), writers.last.close(), writers.rejected.close()]);
  await database.close();
});
beforeEach(async () => {
  await database.pool.query(
    'truncate zones, nodes, telemetry_samples, telemetry_last, telemetry_rejected cascade',
  );
  clock = createFakeClock();
  ingest = createIngest({ registry: new NodeRegistry(database.pool), writers, clock });
});

interface Message {
  readonly kind: MessageKind;
  readonly uid?: string;
  readonly body: unknown;
  readonly id?: string;
}

function handle(...messages: readonly Message[]): Promise<readonly Outcome[]> {
  const batch = messages.map(({ kind, uid = 'a', body, id = String((nextId += 1)) }) => ({
    id,
    value: { kind, uid, body: typeof body === 'string' ? body : JSON.stringify(body) },
  }));
  return ingest.handle(batch, { signal: new AbortController().signal });
}

const hello: Message = { kind: 'hello', body: { zone: 'z' } };
const telemetry = (second: number, values: object): Message => ({
  kind: 'telemetry',
  body: { ts: `2024-01-01T00:00:0${second}Z`, seq: second, values },
});
const rowsOf = async (statement: string): Promise<object[]> =>
  (await database.pool.query<object>(statement)).rows;

describe('createIngest', () => {
  it('registers the node before it stores the telemetry of the same batch', async () => {
    const settled: unknown[] = [];
    ingest.on('settled', (event) => settled.push(event));

    const outcomes = await handle(telemetry(1, { x: 1, on: true }), hello, telemetry(2, { x: 2 }));

    expect(outcomes.map(({ status }) => status)).toEqual(['ack', 'ack', 'ack']);
    expect(await rowsOf('select metric, value from telemetry_samples order by ts, metric')).toEqual(
      [
        { metric: 'on', value: 1 },
        { metric: 'x', value: 1 },
        { metric: 'x', value: 2 },
      ],
    );
    expect(settled).toEqual([
      { uid: 'a', seq: 1, values: 2 },
      { uid: 'a', seq: 2, values: 1 },
    ]);
  });

  it('never lets a late message overwrite the latest value', async () => {
    await handle(hello, telemetry(5, { x: 50 }));
    await handle(telemetry(3, { x: 30 }));

    expect(await rowsOf('select value from telemetry_last')).toEqual([{ value: 50 }]);
    expect(await rowsOf('select value from telemetry_samples order by ts')).toEqual([
      { value: 30 },
      { value: 50 },
    ]);
  });

  it('stores a message that comes twice once', async () => {
    const stored = writers.samples.snapshot();

    await handle(hello, telemetry(1, { x: 1 }), telemetry(1, { x: 1 }));
    await handle(telemetry(1, { x: 1 }));

    const now = writers.samples.snapshot();
    expect(now.stored - stored.stored).toBe(1);
    expect(now.duplicate - stored.duplicate).toBe(2);
  });

  it('keeps rejected values with their reason', async () => {
    const reasons: string[] = [];
    ingest.on('rejected', ({ metric, reason }) => reasons.push(`${metric}: ${reason}`));

    await handle(hello, telemetry(1, { ok: 1, gap: null, word: 'NaN', list: [1] }));

    expect(
      await rowsOf('select metric, reason, raw from telemetry_rejected order by metric'),
    ).toEqual([
      { metric: 'gap', reason: 'null', raw: null },
      { metric: 'list', reason: 'not-a-number', raw: '[1]' },
      { metric: 'word', reason: 'not-a-number', raw: '"NaN"' },
    ]);
    expect(reasons).toEqual(['gap: null', 'word: not-a-number', 'list: not-a-number']);
  });

  it('keeps a sample that the database refuses, and no latest value of it', async () => {
    await database.pool.query(
      'alter table telemetry_samples add constraint sane check (value < 1000)',
    );
    try {
      const outcomes = await handle(hello, telemetry(1, { x: 1 }), telemetry(2, { x: 5000 }));

      expect(outcomes.map(({ status }) => status)).toEqual(['ack', 'ack', 'ack']);
      expect(await rowsOf('select value from telemetry_samples')).toEqual([{ value: 1 }]);
      expect(await rowsOf('select value from telemetry_last')).toEqual([{ value: 1 }]);
      const [rejected] = await rowsOf('select metric, reason, raw from telemetry_rejected');
      expect(rejected).toMatchObject({ metric: 'x', raw: '5000' });
      expect(rejected).toHaveProperty(
        'reason',
        expect.stringContaining('violates check constraint'),
      );
    } finally {
      await database.pool.query('alter table telemetry_samples drop constraint sane');
    }
  });

  it('loses no metric to its name', async () => {
    const body = '{"ts":"2024-01-01T00:00:00Z","seq":1,"values":{"__proto__":1,"constructor":2}}';

    await handle(hello, { kind: 'telemetry', body });

    expect(await rowsOf('select metric, value from telemetry_samples order by metric')).toEqual([
      { metric: '__proto__', value: 1 },
      { metric: 'constructor', value: 2 },
    ]);
  });

  it('sends what cannot be read to the dead letters and handles the rest', async () => {
    const outcomes = await handle(
      hello,
      { kind: 'telemetry', body: '{"ts":' },
      { kind: 'hello', body: '{"zone":5}' },
      telemetry(1, { x: 1 }),
    );

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['ack', 'ack', 'dead', 'dead']);
    const dead = outcomes.filter((outcome) => outcome.status === 'dead');
    expect(dead[0]?.reason).toMatch(/^malformed telemetry: /);
    expect(dead[1]?.reason).toMatch(/^malformed hello: /);
    expect(await rowsOf('select value from telemetry_samples')).toEqual([{ value: 1 }]);
  });

  it('keeps telemetry of an unknown node for a while, then gives it up to the dead letters', async () => {
    const unknown: Message = { ...telemetry(1, { x: 1 }), uid: 'stranger', id: 'm' };

    const [first] = await handle(unknown);
    await clock.advance(9_999);
    const [second] = await handle(unknown);
    await clock.advance(1);
    const [last] = await handle(unknown);

    expect(first).toMatchObject({ status: 'retry', afterMs: 250 });
    expect(second).toMatchObject({ status: 'retry' });
    expect(last).toMatchObject({ status: 'dead', reason: 'no hello from node stranger' });
    expect(await rowsOf('select from telemetry_samples')).toEqual([]);
  });
});
