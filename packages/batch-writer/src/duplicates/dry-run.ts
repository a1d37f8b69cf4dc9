import type { ClientUse } from '../sending/client-use.ts';
import type { DuplicatedTable } from './duplicated-table.ts';
import type { DuplicateGroup } from './duplicates.ts';
import { runLongStatement } from './long-statement.ts';
import { identityParts, type DuplicateStatements } from './statements.ts';

export interface Counted {
  readonly groups: number;
  readonly duplicates: number;
  readonly samples: readonly DuplicateGroup[];
}

/** Most victims that an example shows. */
const VICTIMS_SHOWN = 10;

interface CountedRow {
  readonly groups: string;
  readonly duplicates: string;
  /** JSON. */
  readonly samples: string | null;
}

interface SampleVictim {
  readonly key: readonly (string | null)[];
  readonly kept: readonly string[];
  readonly victim: readonly string[];
}

/** Counts what a run would find, with examples. Reads only. */
export async function countDuplicates(
  use: ClientUse,
  table: DuplicatedTable,
  { victimsAsText }: DuplicateStatements,
  { key, sample }: { readonly key: readonly string[]; readonly sample: number },
): Promise<Counted> {
  const statement =
    `WITH found AS MATERIALIZED (${victimsAsText}), ` +
    // Each group has exactly one second row.
    `shown AS (SELECT kept FROM found WHERE hf_nth = 2 ORDER BY hf_oid, hf_place LIMIT $1) ` +
    `SELECT count(*) FILTER (WHERE hf_nth = 2)::text AS groups, count(*)::text AS duplicates, ` +
    `(SELECT json_agg(json_build_object('key', key, 'kept', kept, 'victim', victim) ORDER BY kept, hf_nth)::text ` +
    `FROM found JOIN shown USING (kept) WHERE hf_nth <= ${VICTIMS_SHOWN + 1}) AS samples FROM found`;
  const { rows } = await runLongStatement(use, (client) =>
    client.query<CountedRow>(statement, [sample]),
  );
  const row = rows[0];
  const identity = identityParts(table)
    .map(({ name }) => name)
    // Of no use to people.
    .map((name) => (table.identity === 'place' && name === 'xmin' ? undefined : name));
  const victims = JSON.parse(row?.samples ?? '[]') as readonly SampleVictim[];
  return {
    groups: Number(row?.groups),
    duplicates: Number(row?.duplicates),
    samples: groupSamples(victims, key, identity),
  };
}

function groupSamples(
  found: readonly SampleVictim[],
  key: readonly string[],
  identity: readonly (string | undefined)[],
): DuplicateGroup[] {
  const groups = new Map<string, DuplicateGroup & { readonly victims: Record<string, string>[] }>();
  for (const one of found) {
    const id = JSON.stringify(one.kept);
    const group = groups.get(id) ?? {
      key: named(key, one.key),
      kept: named(identity, one.kept),
      victims: [],
    };
    group.victims.push(named(identity, one.victim));
    groups.set(id, group);
  }
  return [...groups.values()];
}

function named<Value>(
  names: readonly (string | undefined)[],
  values: readonly Value[],
): Record<string, Value> {
  return Object.fromEntries(
    values.flatMap((value, at) => (names[at] === undefined ? [] : [[names[at], value]])),
  );
}
