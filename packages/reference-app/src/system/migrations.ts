import { Kysely, Migrator, PostgresDialect, sql, type Migration } from 'kysely';
import type { Pool } from 'pg';
import { OperatorError, reasonOf } from './operator-error.ts';

/** In order of their names; one that has been released never changes. */
const MIGRATIONS: Record<string, Migration> = {
  '0001_nodes_and_telemetry': {
    async up(db: Kysely<unknown>) {
      await sql`
        create table zones (
          id bigint generated always as identity primary key,
          uid text not null unique,
          setpoint double precision not null default 21,
          mode text not null default 'idle' check (mode in ('idle', 'heat', 'vent')),
          version bigint not null default 1
        )`.execute(db);
      await sql`
        create table nodes (
          id bigint generated always as identity primary key,
          uid text not null unique,
          zone_id bigint not null references zones,
          registered_at timestamptz not null default now(),
          last_hello_at timestamptz not null default now(),
          hellos bigint not null default 1
        )`.execute(db);
      await sql`create index nodes_by_zone on nodes (zone_id)`.execute(db);
      // No foreign key on samples: node ids come from `nodes` itself, and the check would cost a lookup for each row.
      await sql`
        create table telemetry_samples (
          node_id bigint not null,
          metric text not null,
          ts timestamptz not null,
          value double precision not null,
          primary key (node_id, metric, ts)
        )`.execute(db);
      await sql`
        create table telemetry_last (
          node_id bigint not null,
          metric text not null,
          ts timestamptz not null,
          value double precision not null,
          primary key (node_id, metric)
        ) with (fillfactor = 70)`.execute(db);
      await sql`
        create table telemetry_rejected (
          node_id bigint not null,
          metric text not null,
          ts timestamptz not null,
          reason text not null,
          raw text,
          primary key (node_id, metric, ts)
        )`.execute(db);
    },
    async down(db: Kysely<unknown>) {
      await sql`
        drop table telemetry_rejected, telemetry_last, telemetry_samples, nodes, zones`.execute(db);
    },
  },
};

/**
 * Brings the database to the newest schema. Safe to run from several instances at once: Kysely's migrator holds an
 * advisory lock while it works.
 *
 * @throws {OperatorError} when the database refuses, for lack of rights say.
 */
export async function migrate(pool: Pool): Promise<void> {
  // Not destroyed here: that would end the pool, which the caller owns.
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const message = `cannot set up the database: ${explain(reasonOf(error))}`;
    throw new OperatorError(message, { cause: error });
  }
}

/** A migration that somebody has run and that is unknown here is, for Kysely, a corruption. */
function explain(reason: string): string {
  const [, newer] = /previously executed migration (\S+) is missing/.exec(reason) ?? [];
  return newer === undefined ? reason : `a newer version has changed it (migration ${newer})`;
}
