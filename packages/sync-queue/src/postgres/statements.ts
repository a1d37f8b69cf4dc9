import { quoteIdentifier } from '@holdfast/internal';
import { BASE } from './sql/base.ts';
import { CLAIM } from './sql/claim.ts';
import { CONTROL, LIST_DEAD, STATS } from './sql/control.ts';
import { DEAD } from './sql/dead.ts';
import { DUE } from './sql/due.ts';
import { ENQUEUE } from './sql/enqueue.ts';
import { LANES } from './sql/lanes.ts';
import { MAKE_ROOM } from './sql/make-room.ts';
import { SETTLE } from './sql/settle.ts';
import { TABLES } from './sql/tables.ts';

/** Written into the schema; the names of functions carry the version of what they do, so that releases can overlap. */
export const SCHEMA_VERSION = 2;

const CALLS = {
  enqueue: `SELECT * FROM @.enqueue_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
  claim: `SELECT * FROM @.claim_v1($1, $2, $3, $4, $5, $6)`,
  settle: `SELECT * FROM @.settle_v1($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
  extend: `SELECT @.extend_v1($1, $2, $3, $4) AS held`,
  redrive: `SELECT * FROM @.redrive_v1($1, $2, $3, $4, $5)`,
  purge: `SELECT * FROM @.purge_v1($1, $2, $3)`,
  setPaused: `SELECT * FROM @.set_paused_v1($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
  recordSettings: `SELECT @.record_settings_v1($1, $2)`,
  settings: `SELECT settings::text AS settings FROM @.queue WHERE name = $1`,
  names: `SELECT name FROM @.queue ORDER BY name`,
  stats: STATS,
  listDead: LIST_DEAD,
  version: `SELECT version FROM @.version`,
} as const;

export type Calls = Readonly<Record<keyof typeof CALLS, string>>;

/** The statements of the calls, in a schema. They are sent without a name, so that poolers may spread them. */
export function callsIn(schema: string): Calls {
  const calls = Object.entries(CALLS).map(([name, text]) => [name, inSchema(text, schema)]);
  return Object.fromEntries(calls) as Calls;
}

/** What makes the schema, or what is missing of it. */
export function installStatements(schema: string): string[] {
  const parts = [TABLES, BASE, LANES, DEAD, MAKE_ROOM, ENQUEUE, DUE, CLAIM, SETTLE, CONTROL];
  return [
    `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};`,
    ...parts.map((part) => inSchema(part, schema).trim()),
    inSchema(
      // An older release that comes later must not say that the schema is older than it is.
      `INSERT INTO @.version (version) VALUES (${SCHEMA_VERSION})
ON CONFLICT (only_row) DO UPDATE SET version = greatest(@.version.version, excluded.version);`,
      schema,
    ),
  ];
}

function inSchema(text: string, schema: string): string {
  return text.replaceAll('@.', () => `${quoteIdentifier(schema)}.`);
}
