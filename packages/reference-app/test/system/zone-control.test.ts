import { createLocks } from '@holdfast/locks';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/system/migrations.ts';
import { createZoneControl, type ZoneControl } from '../../src/system/zone-control.ts';

const signal = new AbortController().signal;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool);
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.pool.query('truncate zones, nodes, telemetry_last cascade');
  await database.pool.query(`insert into zones (uid, setpoint) values ('cold', 25)`);
  await database.pool.query(`insert into nodes (uid, zone_id) select 'n', id from zones`);
});

function control(published: string[], publishFails = false): ZoneControl {
  return createZoneControl({
    pool: database.pool,
    locks: createLocks({ db: database.pool, namespace: 'test' }),
    publish: (topic, payload) => {
      if (publishFails) return Promise.reject(new Error('no broker'));
      published.push(`${topic} ${payload}`);
      return Promise.resolve();
    },
    root: 'root',
    metric: 'air_temp',
    maxAgeMs: 60_000,
  });
}

async function reading(value: number, ageSeconds: number): Promise<void> {
  await database.pool.query(
    `insert into telemetry_last
     select id, 'air_temp', now() - make_interval(secs => $1), $2 from nodes
     on conflict (node_id, metric) do update set ts = excluded.ts, value = excluded.value`,
    [ageSeconds, value],
  );
}

async function runAll(zones: ZoneControl): Promise<void> {
  for (const zone of await zones.zones()) await zones.run(zone, { signal });
}

describe('createZoneControl', () => {
  it('decides from fresh readings, stores the mode and tells the devices once', async () => {
    const published: string[] = [];
    const zones = control(published);
    await reading(20, 1);

    await runAll(zones);
    await runAll(zones);
    await reading(25, 1);
    await runAll(zones);

    expect(published).toEqual([
      'root/zone/cold/command {"mode":"heat","version":2}',
      'root/zone/cold/command {"mode":"idle","version":3}',
    ]);
  });

  it('does not act on a stale reading', async () => {
    const published: string[] = [];
    await reading(20, 61);

    await runAll(control(published));

    expect(published).toEqual(['root/zone/cold/command {"mode":"idle","version":1}']);
  });

  it('does not act on a reading from the future either', async () => {
    const published: string[] = [];
    await reading(20, -3_600);

    await runAll(control(published));

    expect(published).toEqual(['root/zone/cold/command {"mode":"idle","version":1}']);
  });

  it('tells again what could not be sent, and after a restart what is stored', async () => {
    const published: string[] = [];
    await reading(20, 1);
    await expect(runAll(control(published, true))).rejects.toThrow('no broker');

    await runAll(control(published));

    expect(published).toEqual(['root/zone/cold/command {"mode":"heat","version":2}']);
  });

  it('leaves a zone alone that another instance is at work on', async () => {
    const published: string[] = [];
    const zones = control(published);
    const [zone] = [...(await zones.zones())];
    const other = createLocks({ db: database.pool, namespace: 'test' });

    await other.withAdvisoryLock(['zone', zone?.id ?? ''], () => runAll(zones));

    expect(published).toEqual([]);
  });
});
