import type { KyselyLike, Queryable, QueryResultLike } from '../ports.ts';

/** A pool, a client or a `Transaction`; or an instance of Kysely, or a transaction of it. */
export type Database = Queryable | KyselyLike;

/**
 * One way to run a statement, whatever `db` is. Plugins of Kysely do not take part: SQL of ours names columns as the
 * database does, and so do the rows.
 *
 * @throws {TypeError} when `db` is none of them.
 */
export function queryableOf(db: Database): Queryable {
  if (hasMethod(db, 'query')) return db as Queryable;
  if (isKysely(db)) return { query: (text, values) => runRaw(db, text, values) };
  throw new TypeError(
    'db must be a pool, a client, a transaction or an instance of Kysely: it has no query()',
  );
}

export function isKysely(db: unknown): db is KyselyLike {
  return hasMethod(db, 'withoutPlugins') && hasMethod(db, 'getExecutor');
}

/** True when `value` is an object with such a method. */
export function hasMethod(value: unknown, name: string): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'
  );
}

async function runRaw<Row extends object>(
  db: KyselyLike,
  text: string,
  values: unknown[] = [],
): Promise<QueryResultLike<Row>> {
  // What `CompiledQuery.raw` of Kysely 0.28 gives, without the need to import Kysely.
  const query = {
    sql: text,
    parameters: values,
    query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
    queryId: { queryId: 'holdfast' },
  };
  const { rows } = await db.withoutPlugins().executeQuery(query as never);
  return { rows: rows as Row[] };
}
