import type { BoundClient } from '../sending/bound-client.ts';
import { DuplicatesRefusedError } from './duplicates-errors.ts';

/** The operators by which a type is ordered, and its values are equal, named with their schemas: `OPERATOR(citext.=)`. */
export interface ColumnOperators {
  readonly before: string;
  readonly equal: string;
  readonly behind: string;
}

/** Of types that PostgreSQL itself brings. */
export const OWN_OPERATORS: ColumnOperators = {
  before: 'OPERATOR(pg_catalog.<)',
  equal: 'OPERATOR(pg_catalog.=)',
  behind: 'OPERATOR(pg_catalog.>)',
};

interface OperatorRow {
  readonly name: string;
  readonly type: string;
  readonly before: string | null;
  readonly equal: string | null;
  readonly behind: string | null;
}

/**
 * The default operator class of a type, as PostgreSQL itself looks for it when it sorts, and so for PARTITION BY and for a
 * unique index (`GetDefaultOpClass`, indexcmds.c): that of the base type of a domain, else of what the type is also, the
 * preferred one first. An operator that is named without its schema is looked for along the search path instead: a type that
 * lives elsewhere would be compared as what it can be cast to, or not at all. Strategies of a btree: PostgreSQL manual, 38.16.2.
 */
const SELECT_OPERATORS = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, found.before, found.equal, found.behind
  FROM pg_attribute a
  JOIN LATERAL (
    WITH RECURSIVE d AS (SELECT t.* FROM pg_type t WHERE t.oid = a.atttypid
      UNION ALL SELECT n.* FROM d JOIN pg_type n ON n.oid = d.typbasetype WHERE d.typtype = 'd')
    SELECT * FROM d WHERE typtype <> 'd') base ON true
  LEFT JOIN LATERAL (
    SELECT min(o.named) FILTER (WHERE o.strategy = 1) AS before, min(o.named) FILTER (WHERE o.strategy = 3) AS equal,
      min(o.named) FILTER (WHERE o.strategy = 5) AS behind
    FROM (
      SELECT c.opcfamily, c.opcintype
      FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_type i ON i.oid = c.opcintype
      WHERE m.amname = 'btree' AND c.opcdefault AND (c.opcintype = base.oid
        OR c.opcintype = CASE
          WHEN base.typcategory = 'A' THEN 'anyarray'::regtype WHEN base.typtype = 'e' THEN 'anyenum'::regtype
          WHEN base.typtype = 'r' THEN 'anyrange'::regtype WHEN base.typtype = 'm' THEN to_regtype('anymultirange')
          WHEN base.typtype = 'c' THEN 'record'::regtype END
        OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = base.oid AND k.casttarget = c.opcintype
          AND k.castmethod = 'b' AND k.castcontext = 'i'))
      ORDER BY c.opcintype = base.oid DESC, i.typispreferred DESC LIMIT 1) class
    CROSS JOIN LATERAL (
      SELECT p.amopstrategy AS strategy, format('OPERATOR(%I.%s)', n.nspname, x.oprname) AS named
      FROM pg_amop p JOIN pg_operator x ON x.oid = p.amopopr JOIN pg_namespace n ON n.oid = x.oprnamespace
      WHERE p.amopfamily = class.opcfamily AND p.amoplefttype = class.opcintype AND p.amoprighttype = class.opcintype
        AND p.amoppurpose = 's') o) found ON true
  WHERE a.attrelid = $1::oid AND a.attname = ANY ($2::text[])`;

/** By column. Rejects with `DUPLICATES_REFUSED` when a type has no order. */
export async function readOperators(
  client: BoundClient,
  { oid, label }: { readonly oid: string; readonly label: string },
  columns: readonly string[],
): Promise<ReadonlyMap<string, ColumnOperators>> {
  const { rows } = await client.query<OperatorRow>(SELECT_OPERATORS, [oid, columns]);
  return new Map(
    rows.map(({ name, type, before, equal, behind }) => {
      if (before === null || equal === null || behind === null) {
        const column = `column ${JSON.stringify(name)} is of type ${type}`;
        throw new DuplicatesRefusedError(label, `${column}, which has no default order`);
      }
      return [name, { before, equal, behind }];
    }),
  );
}
