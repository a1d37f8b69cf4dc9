import { setTimeout as delay } from 'node:timers/promises';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import {
  createTestDatabase,
  startPgbouncerServer,
  type ServerProcess,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll } from 'vitest';
import { describeStore } from '../conformance/index.ts';

let database: TestDatabase;
let pooler: ServerProcess;

beforeAll(async () => {
  database = await createTestDatabase();
  pooler = await startPgbouncerServer(database.url, { mode: 'transaction', poolSize: 5 });
});
afterAll(async () => {
  await pooler.close();
  await database.close();
});

describeStore('postgres', async () => {
  return Promise.resolve({
    store: postgresStore({ pool: database.pool }),
    elapse: (ms) => delay(ms + 5),
    close: () => Promise.resolve(),
  });
});

describeStore('postgres behind a pooler of transactions', async () => {
  const pool = database.createPool({ connectionString: pooler.url });
  return Promise.resolve({
    store: postgresStore({ pool, schema: 'pooled' }),
    elapse: (ms) => delay(ms + 5),
    close: () => pool.end(),
  });
});
