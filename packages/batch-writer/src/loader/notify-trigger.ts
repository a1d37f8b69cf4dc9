import {
  quoteIdentifier,
  quoteTable,
  requireBoolean,
  requireOptions,
  requireText,
} from '@holdfast/internal';
import { requireChannel } from './channel.ts';

export interface NotifyTriggerOptions {
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table; the function goes to the first of all. */
  readonly schema?: string | undefined;
  readonly keyColumn: string;
  readonly idColumn: string;
  /** The `listenChannel` of the resolvers. */
  readonly channel: string;
  /** Of the function; the triggers' names begin with it. At most 61 bytes. Default `holdfast_tell_ids`. */
  readonly name?: string | undefined;
  /**
   * True: inserted keys are told, too. Default false, because they concern only those who cache that a key is absent, for
   * `negativeTtlMs` at most; and whoever inserts a key would forget it again.
   */
  readonly tellsInserts?: boolean | undefined;
}

/**
 * The statements, to be run in one transaction, that make a table tell on a channel each key that is deleted or whose id or key
 * changes, and an empty payload when it is truncated. Running them again replaces what they made. Each row told costs a
 * NOTIFY, so a bulk change is better made with the triggers disabled and one `NOTIFY channel` at its end.
 *
 * @throws {TypeError | RangeError} when an option is unknown, missing or out of range.
 */
export function notifyTriggerStatements(options: NotifyTriggerOptions): string[] {
  const { schema, ...o } = requireOptions('notifyTriggerStatements', options, {
    table: true,
    schema: true,
    keyColumn: true,
    idColumn: true,
    channel: true,
    name: true,
    tellsInserts: true,
  });
  const table = quoteTable({ schema, table: requireText('table', o.table) });
  const key = quoteIdentifier(requireText('keyColumn', o.keyColumn));
  const id = quoteIdentifier(requireText('idColumn', o.idColumn));
  const channel = requireChannel('channel', o.channel);
  const name = requireText('name', o.name ?? 'holdfast_tell_ids');
  if (Buffer.byteLength(name) > 61) {
    throw new RangeError(`name must have at most 61 bytes, got ${JSON.stringify(name)}`);
  }
  const routine = quoteTable({ schema, table: name });
  const trigger = (suffix: string): string => quoteIdentifier(`${name}_${suffix}`);
  const on = `ON ${table}`;
  const run = `EXECUTE FUNCTION ${routine}()`;
  return [
    `CREATE OR REPLACE FUNCTION ${routine}() RETURNS trigger LANGUAGE plpgsql AS ${quoteText(bodyOf(channel, key))}`,
    ...['i', 'u', 'd', 't'].map((suffix) => `DROP TRIGGER IF EXISTS ${trigger(suffix)} ${on}`),
    ...(requireBoolean('tellsInserts', o.tellsInserts ?? false)
      ? [`CREATE TRIGGER ${trigger('i')} AFTER INSERT ${on} FOR EACH ROW ${run}`]
      : []),
    // Decided before the function is called: most updates change neither.
    `CREATE TRIGGER ${trigger('u')} AFTER UPDATE ${on} FOR EACH ROW WHEN (OLD.${key} IS DISTINCT FROM NEW.${key} OR OLD.${id} IS DISTINCT FROM NEW.${id}) ${run}`,
    `CREATE TRIGGER ${trigger('d')} AFTER DELETE ${on} FOR EACH ROW ${run}`,
    `CREATE TRIGGER ${trigger('t')} AFTER TRUNCATE ${on} FOR EACH STATEMENT ${run}`,
  ];
}

/** A payload has less than 8000 bytes (PostgreSQL manual, NOTIFY): for a longer key all are told. */
function bodyOf(channel: string, key: string): string {
  const tell = (row: 'OLD' | 'NEW'): string =>
    `IF ${row}.${key} IS NOT NULL THEN PERFORM pg_notify(${quoteText(channel)}, ` +
    `CASE WHEN octet_length(${row}.${key}::text) < 8000 THEN ${row}.${key}::text ELSE '' END); END IF;`;
  return `
BEGIN
  IF TG_OP = 'TRUNCATE' THEN PERFORM pg_notify(${quoteText(channel)}, ''); RETURN NULL; END IF;
  IF TG_OP <> 'INSERT' THEN ${tell('OLD')} END IF;
  IF TG_OP <> 'DELETE' THEN ${tell('NEW')} END IF;
  RETURN NULL;
END`;
}

/** PostgreSQL manual 4.1.2.1; `E` with doubled backslashes means the same whatever `standard_conforming_strings` is. */
function quoteText(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
