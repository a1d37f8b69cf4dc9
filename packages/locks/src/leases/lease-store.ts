import { raceAbort, type Clock } from '@holdfast/internal';
import { Connection } from '../connection.ts';
import type { LeaseHolder } from './lease-contract.ts';
import { LeaseRequestTimeoutError, LeaseTableMissingError } from './lease-errors.ts';
import type { LeaseAnswer, LeaseStatements } from './lease-statements.ts';
import type { PgPoolLike } from '../ports.ts';
import { isVerdict, sqlstateOf } from '../sqlstate.ts';

export interface LeaseAttempt {
  readonly key: string;
  readonly holder: string;
  /** A UUID of its own, by which it is given back when its answer is lost. */
  readonly id: string;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  /** True as soon as the server may have applied it. */
  wasSent: boolean;
}

/** What came of one look. `unknown`: the row came and went. */
export type LeaseOutcome =
  | { readonly state: 'mine'; readonly token: bigint; readonly sentAtMs: number }
  | { readonly state: 'held'; readonly by: LeaseHolder }
  | { readonly state: 'unknown' };

export interface LeaseStoreOptions {
  readonly pool: PgPoolLike;
  readonly table: string;
  readonly statements: LeaseStatements;
  readonly clock: Clock;
}

interface Timed<Row> {
  readonly rows: readonly Row[];
  readonly sentAtMs: number;
}

type Ask = <Row extends object>(text: string, values: unknown[]) => Promise<Timed<Row>>;

/**
 * Leases in their table. Each request has a connection of the pool of its own, and a bound on its time; a connection whose
 * answer did not come in time is destroyed.
 */
export class LeaseStore {
  readonly #options: LeaseStoreOptions;

  constructor(options: LeaseStoreOptions) {
    this.#options = options;
  }

  /** One round trip, or up to three for a key that nobody has had before. */
  acquire(attempt: LeaseAttempt): Promise<LeaseOutcome> {
    const { statements } = this.#options;
    const { key, holder, id, ttlMs } = attempt;
    const values = [key, holder, id, ttlMs];
    return this.#request(key, attempt.timeoutMs, async (ask) => {
      attempt.wasSent = true;
      const first = await ask<LeaseAnswer>(statements.acquire, values);
      const seen = outcomeOf(first);
      if (seen.state !== 'unknown') return seen;
      const { rows, sentAtMs } = await ask<{ readonly token: string }>(statements.insert, values);
      const [inserted] = rows;
      if (inserted !== undefined) return { state: 'mine', token: BigInt(inserted.token), sentAtMs };
      return outcomeOf(await ask<LeaseAnswer>(statements.acquire, values));
    });
  }

  /** When the renewal was sent; undefined when the lease is lost. */
  renew(key: string, token: bigint, ttlMs: number, timeoutMs: number): Promise<number | undefined> {
    return this.#request(key, timeoutMs, async (ask) => {
      const { rows, sentAtMs } = await ask(this.#options.statements.renew, [
        key,
        String(token),
        ttlMs,
      ]);
      return rows.length > 0 ? sentAtMs : undefined;
    });
  }

  /** False when somebody else has taken it over. */
  release(key: string, token: bigint, timeoutMs: number): Promise<boolean> {
    return this.#change(this.#options.statements.release, key, String(token), timeoutMs);
  }

  /** False when the attempt had no effect, or has none yet. */
  releaseAttempt({ key, id, timeoutMs }: LeaseAttempt): Promise<boolean> {
    return this.#change(this.#options.statements.releaseAttempt, key, id, timeoutMs);
  }

  #change(statement: string, key: string, which: string, timeoutMs: number): Promise<boolean> {
    return this.#request(key, timeoutMs, async (ask) => {
      const { rows } = await ask(statement, [key, which]);
      return rows.length > 0;
    });
  }

  async #request<T>(key: string, timeoutMs: number, run: (ask: Ask) => Promise<T>): Promise<T> {
    const { pool, clock, table } = this.#options;
    const bound = new AbortController();
    const late = new LeaseRequestTimeoutError(key, timeoutMs);
    const timer = clock.setTimer(() => bound.abort(late), timeoutMs);
    const { signal } = bound;
    try {
      const use = { label: `lease ${key}`, lostError: (cause: Error) => cause, signal };
      const connection = await Connection.open(pool, use);
      const ask: Ask = async <Row extends object>(text: string, values: unknown[]) => {
        // The trust begins here, not where the answer comes, nor where a connection was waited for.
        const sentAtMs = clock.now();
        const { rows } = await raceAbort(connection.query<Row>(text, values), signal);
        return { rows, sentAtMs };
      };
      try {
        const value = await run(ask);
        connection.end('reusable');
        return value;
      } catch (error) {
        // Unless the server has said no: an answer that is still to come would be taken for that of the next query.
        connection.end(isVerdict(error) ? 'reusable' : 'destroy');
        throw error;
      }
    } catch (error) {
      throw isSchemaMissing(error) ? new LeaseTableMissingError(table, error) : error;
    } finally {
      timer.cancel();
    }
  }
}

/** undefined_table, undefined_column (PostgreSQL manual, appendix A). */
export function isSchemaMissing(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === '42P01' || state === '42703';
}

function outcomeOf({ rows, sentAtMs }: Timed<LeaseAnswer>): LeaseOutcome {
  const [row] = rows;
  if (row === undefined) return { state: 'unknown' };
  const token = BigInt(row.token);
  if (row.isMine) return { state: 'mine', token, sentAtMs };
  const { holder, sinceMs, remainingMs } = row;
  return { state: 'held', by: { holder, token, since: new Date(sinceMs), remainingMs } };
}
