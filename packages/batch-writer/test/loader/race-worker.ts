import { once } from 'node:events';
import { Pool } from 'pg';
import { pgIdResolver } from '../../src/loader/pg-id-resolver.ts';

/** Waits for a line, then resolves all keys at once, beginning at its own place; prints the ids in the order of the keys. */
const [url, keyCount, place] = process.argv.slice(2) as [string, string, string];
const keys = Array.from({ length: Number(keyCount) }, (_, index) => `node-${index}`);
const start = (Number(place) * keys.length) / 8;
const turned = [...keys.slice(start), ...keys.slice(0, start)];

const pool = new Pool({ connectionString: url });
await pool.query('SELECT 1');
const resolver = pgIdResolver<string>({
  pool,
  table: 'nodes',
  keyColumn: 'uid',
  keyType: 'text',
  idColumn: 'id',
  create: true,
  maxBatch: 250,
});
process.stdout.write(`${JSON.stringify('ready')}\n`);
await once(process.stdin, 'data');
const ids = await resolver.getMany(turned);
process.stdout.write(`${JSON.stringify(keys.map((key) => Number(ids.get(key))))}\n`);
await resolver.close();
await pool.end();
process.exit(0);
