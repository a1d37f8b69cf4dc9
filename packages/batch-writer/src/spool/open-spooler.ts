import type { ResolvedOptions } from '../options.ts';
import { shapeOf } from '../resolve-table.ts';
import { Spool } from './spool.ts';
import { Spooler, type SpoolerContext } from './spooler.ts';

/**
 * Undefined when no spool is wanted.
 *
 * @throws {SpoolLockedError} when another writer has the folder, and what the file system throws.
 */
export function openSpooler(
  { spool, table, lanes }: ResolvedOptions,
  context: Omit<SpoolerContext, 'lanes'>,
): Spooler | undefined {
  if (spool === undefined) return undefined;
  return new Spooler(new Spool(spool, shapeOf(table)), { ...context, lanes });
}
