import { createLocks } from '@holdfast/locks';
import { Kysely, PostgresDialect, type Generated } from 'kysely';
import { Pool } from 'pg';

interface Database {
  readonly example_devices: { readonly id: Generated<number>; readonly name: string };
}

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
const kysely = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
await pool.query(`create table if not exists example_devices (id serial primary key, name text)`);

// The pool as well: Kysely hides the connection that it takes, and with it that the connection was lost.
const locks = createLocks({ db: pool, kysely, namespace: 'devices' });

const device = await locks.withAdvisoryLock(['device', 'gate'], async (tx) => {
  const db = tx.kysely(); // Transaction<Database>
  const known = await db
    .selectFrom('example_devices')
    .selectAll()
    .where('name', '=', 'gate')
    .executeTakeFirst();
  return (
    known ??
    db.insertInto('example_devices').values({ name: 'gate' }).returningAll().executeTakeFirst()
  );
});
console.log('registered once:', device?.name);

await pool.end();
