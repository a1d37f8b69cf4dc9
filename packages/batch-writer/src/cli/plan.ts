import type { PgPoolLike } from '../ports.ts';
import { resolveDuplicatesOptions } from '../duplicates/duplicates-options.ts';
import { describeCleanUp } from '../duplicates/remove-duplicates.ts';
import { identityParts } from '../duplicates/statements.ts';
import type { CleanUpOptions } from './command-line.ts';

/** What a run will do, from its options and the catalogue: nothing has been scanned for it. Null is what there is not. */
export interface Plan {
  readonly table: string;
  readonly estimatedRows: number | null;
  readonly key: readonly string[];
  readonly nullsEqual: boolean;
  readonly keep: string;
  readonly identity: readonly string[];
  readonly where: string | null;
  readonly chunkRows: number;
  readonly maxTxMs: number;
  readonly pauseMs: number;
  readonly workTable: string | null;
  readonly archiveTo: string | null;
  readonly uniqueIndex: string | null;
  readonly dryRun: boolean;
}

/** Rejects as `removeDuplicates` does before it writes anything. */
export async function readPlan(pool: PgPoolLike, options: CleanUpOptions): Promise<Plan> {
  const { keep } = options;
  const given = resolveDuplicatesOptions({ ...options, pool });
  const table = await describeCleanUp({ ...options, pool });
  return {
    table: table.label,
    estimatedRows: table.estimatedRows ?? null,
    key: given.key,
    nullsEqual: given.nullsEqual,
    keep:
      typeof keep === 'string' ? keep : `${keep.orderBy}:${keep.direction ?? 'asc'}, NULLs last`,
    identity: identityParts(table).map(({ name }) => name),
    where: given.where ?? null,
    chunkRows: given.chunkRows,
    maxTxMs: given.maxTxMs,
    pauseMs: given.pauseMs,
    workTable: given.dryRun ? null : table.work,
    archiveTo: table.archive?.label ?? null,
    uniqueIndex: given.index?.name ?? null,
    dryRun: given.dryRun,
  };
}
