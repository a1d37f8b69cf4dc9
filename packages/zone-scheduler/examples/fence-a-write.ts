import assert from 'node:assert/strict';
import pg from 'pg';
import {
  FencedError,
  fenceToken,
  fenceWhere,
  postgresShards,
} from '@holdfast/zone-scheduler/postgres';

const config = { connectionString: process.env['DATABASE_URL'] };
const shards = postgresShards({
  createClient: () => new pg.Client(config), // a connection of its own, for the lease alone
  group: 'greenhouses',
  memberId: 'zones-0', // the name of the pod: it gets its shards back after a restart
  lease: { settleMs: 0 }, // for this example: it does not wait for others that start
});
const hasShards = new Promise((resolve) => shards.on('change', resolve));
// What the scheduler does for its shards.
await shards.start({ drain: async () => Promise.resolve(), abandon: () => undefined });
await hasShards;
const fence = shards.ownershipOf('north')?.fence;
assert.ok(fence);

const db = new pg.Pool(config);
await db.query(
  'CREATE TABLE zones (id text PRIMARY KEY, valve text, epoch bigint NOT NULL DEFAULT 0)',
);
await db.query(`INSERT INTO zones VALUES ('north', 'shut')`);

const { set, where, value } = fenceWhere(fence, { parameter: 2 });
const text = `UPDATE zones SET valve = 'open', ${set} WHERE id = $1 AND ${where}`;
const { rowCount } = await db.query(text, ['north', value]);
if (rowCount === 0) throw new FencedError(fence); // another owner has written since

// For a message, which has no transaction: the device drops what is smaller than the greatest it has seen.
assert.match(fenceToken(fence), /^\d{19}$/);

await shards.close();
await db.end();
