import {
  quoteIdentifier,
  quoteTable,
  requireBoolean,
  requireOneOf,
  requireOptions,
  type OptionNames,
} from '@holdfast/internal';

export interface VersionColumnOptions {
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /** Default `version`. */
  readonly versionColumn?: string | undefined;
  /** An integer ends after 2^31 - 1 changes of one row. Default `bigint`, which `pg` reads as text. */
  readonly type?: 'integer' | 'bigint' | undefined;
  /**
   * Adds a trigger as well: each UPDATE counts the version up by exactly one, whatever it says of the version itself, also
   * of writers that do not know it. Default false.
   */
  readonly trigger?: boolean | undefined;
}

const OPTION_NAMES: OptionNames<VersionColumnOptions> = {
  table: true,
  schema: true,
  versionColumn: true,
  type: true,
  trigger: true,
};

/** PostgreSQL cuts longer names off, and two columns could get one function. */
const LONGEST_NAME_BYTES = 63;

/**
 * The statements of a migration that gives a table a version column, in their order; to run them again changes nothing.
 * Run them in one transaction with a `lock_timeout`: they need the table to themselves for a moment.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function addVersionColumn(options: VersionColumnOptions): string[] {
  requireOptions('addVersionColumn', options, OPTION_NAMES);
  const { schema, versionColumn = 'version' } = options;
  const table = quoteTable(options);
  const column = quoteIdentifier(versionColumn);
  const type = requireOneOf('type', options.type ?? 'bigint', ['integer', 'bigint']);
  // A constant default is kept in the catalog: no row is written (manual, ALTER TABLE, Notes).
  const add = `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${column} ${type} NOT NULL DEFAULT 1`;
  if (!requireBoolean('trigger', options.trigger ?? false)) return [add];

  const name = `holdfast_count_${versionColumn}`;
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) {
    throw new RangeError(
      `versionColumn must have at most ${LONGEST_NAME_BYTES - Buffer.byteLength('holdfast_count_')} bytes with a trigger, got ${JSON.stringify(versionColumn)}`,
    );
  }
  const fn = quoteTable({ schema, table: name });
  const next = `coalesce(OLD.${column}, 0) + 1`;
  const body = quoteLiteral(`BEGIN NEW.${column} := ${next}; RETURN NEW; END`);
  return [
    add,
    `CREATE OR REPLACE FUNCTION ${fn}() RETURNS trigger LANGUAGE plpgsql AS ${body}`,
    // Not called for updateVersioned, which has counted already; and never twice, for it sets what comes next instead of
    // adding to what the writer says. One that writes an old version back would else make others' stale versions current.
    `CREATE OR REPLACE TRIGGER ${quoteIdentifier(name)} BEFORE UPDATE ON ${table} FOR EACH ROW
      WHEN (NEW.${column} IS DISTINCT FROM ${next}) EXECUTE FUNCTION ${fn}()`,
  ];
}

/** Safe with either setting of `standard_conforming_strings`. */
function quoteLiteral(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
