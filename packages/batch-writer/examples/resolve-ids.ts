import { pgIdResolver, type PgIdResolver, type PgPoolLike } from '@holdfast/batch-writer';

/** Needs a table `nodes (id int8 GENERATED ALWAYS AS IDENTITY, uid text UNIQUE)`; `pool` is a `pg.Pool`. */
export function createNodeIds(pool: PgPoolLike): PgIdResolver<string> {
  return pgIdResolver<string>({
    pool,
    table: 'nodes',
    keyColumn: 'uid',
    keyType: 'text',
    idColumn: 'id',
    create: true,
    staleIfErrorMs: 600_000,
  });
}

/** The ids of the nodes that have sent these messages: one question for all that are not known. */
export async function idsOf(
  ids: PgIdResolver<string>,
  messages: readonly { readonly uid: string }[],
): Promise<(number | bigint)[]> {
  const known = await ids.getMany(messages.map(({ uid }) => uid));
  return messages.map(({ uid }) => {
    const id = known.get(uid);
    if (id === undefined) throw new Error(`node ${uid} has no id`);
    return id;
  });
}
