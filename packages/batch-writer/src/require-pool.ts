import { requireFunction, requireObject } from '@holdfast/internal';
import type { PgPoolLike } from './ports.ts';

/** @throws {TypeError} when it is no pool. An instance of Kysely is none: it hides its connections, and that they were lost. */
export function requirePool(pool: unknown): PgPoolLike {
  const given = requireObject('pool', pool) as Readonly<Record<string, unknown>>;
  if (given['connect'] === undefined && typeof given['getExecutor'] === 'function') {
    throw new TypeError(
      'pool must be a pg.Pool; with Kysely, give the pool of its PostgresDialect',
    );
  }
  // Only a connection of `pg` has it.
  if (typeof given['escapeIdentifier'] === 'function') {
    throw new TypeError('pool must be a pg.Pool, not one connection: a pg.Client');
  }
  requireFunction('pool.connect', given['connect']);
  return pool as PgPoolLike;
}
