import type { Clock } from '@holdfast/internal';
import { classifyPgError } from '../classify.ts';
import type { PgPoolLike } from '../ports.ts';
import type { BoundClient } from '../sending/bound-client.ts';
import { useClient } from '../sending/client-use.ts';
import { explainIdFailure } from './id-table-fault.ts';
import { KeyInvalidError, KeyNotCreatedError, LoadResultError } from './loader-errors.ts';
import { integerFrom, type IdKeyRule } from './pg-id-key.ts';
import type { IdRow, IdStatements } from './pg-id-statements.ts';

/** A number where that is exact, else a bigint. */
export type PgId = number | bigint;

export interface PgIdSourceOptions {
  readonly pool: PgPoolLike;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly statements: IdStatements;
  readonly rule: IdKeyRule;
}

/** Of one load; where more are refused it may well be all. */
const MAX_REFUSED = 20;

type Answers<K> = Map<K, PgId | Error>;

/** Finds and makes the ids of keys in a table, each time with one connection of the pool. */
export class PgIdSource<K> {
  readonly #options: PgIdSourceOptions;

  constructor(options: PgIdSourceOptions) {
    this.#options = options;
  }

  async load(keys: readonly K[], signal: AbortSignal): Promise<Answers<K>> {
    const answers: Answers<K> = new Map();
    const asked = this.#byText(keys, answers);
    if (asked.size === 0) return answers;
    const rows = await this.#use(signal, (client) => this.#select(client, [...asked.keys()]));
    this.#answer(rows, asked, answers);
    return answers;
  }

  /** `keys` were not there a moment ago. */
  async create(keys: readonly K[], signal: AbortSignal): Promise<Answers<K>> {
    const { statements, rule } = this.#options;
    const answers: Answers<K> = new Map();
    const asked = this.#byText(keys, answers);
    const texts = [...asked.keys()].sort(rule.compare);
    const refused = new Map<string, Error>();
    const rows = await this.#use(signal, async (client) => {
      const inserted = await this.#insert(client, texts, refused);
      const own = new Set(inserted.map(({ key }) => key));
      const rest = texts.filter((text) => !own.has(text) && !refused.has(text));
      if (rest.length === 0) return inserted;
      // A statement of its own: the snapshot of the insert does not show what it has waited for.
      return [...inserted, ...(await this.#select(client, rest))];
    });
    this.#answer(rows, asked, answers);
    for (const [text, key] of asked) {
      const error = refused.get(text);
      if (error !== undefined) answers.set(key, error);
    }
    for (const key of keys) {
      if (!answers.has(key)) answers.set(key, new KeyNotCreatedError(statements.label));
    }
    return answers;
  }

  /** Keys that cannot be sent fail alone. */
  #byText(keys: readonly K[], answers: Answers<K>): Map<string, K> {
    const byText = new Map<string, K>();
    for (const key of keys) {
      try {
        byText.set(this.#options.rule.textOf(key), key);
      } catch (error) {
        if (!(error instanceof KeyInvalidError)) throw error;
        answers.set(key, error);
      }
    }
    return byText;
  }

  /** Inserts what is not there. A key that the table refuses fails alone: the others are tried without it, by halves. */
  async #insert(
    client: BoundClient,
    texts: readonly string[],
    refused: Map<string, Error>,
  ): Promise<IdRow[]> {
    try {
      return (await client.query<IdRow>(this.#options.statements.insert, [texts])).rows;
    } catch (error) {
      const isOfRow = ['row', 'conflict'].includes(classifyPgError(error).class);
      if (!isOfRow || !(error instanceof Error) || refused.size === MAX_REFUSED) throw error;
      const [only, ...others] = texts;
      if (only !== undefined && others.length === 0) {
        refused.set(only, error);
        return [];
      }
      const half = texts.length >> 1;
      const first = await this.#insert(client, texts.slice(0, half), refused);
      return [...first, ...(await this.#insert(client, texts.slice(half), refused))];
    }
  }

  async #select(client: BoundClient, texts: readonly string[]): Promise<IdRow[]> {
    return (await client.query<IdRow>(this.#options.statements.select, [texts])).rows;
  }

  #answer(rows: readonly IdRow[], asked: ReadonlyMap<string, K>, answers: Answers<K>): void {
    for (const row of rows) {
      const key = asked.get(row.key);
      // Equal for the column and yet another text: a collation or a type that was not declared.
      if (key === undefined || row.id === null) continue;
      answers.set(key, answers.has(key) ? this.#mismatch('has a key twice', row) : this.#id(row));
    }
  }

  #id(row: IdRow): PgId | Error {
    if (row.id === null || !/^-?\d+$/.test(row.id)) {
      return this.#mismatch('has an id that is no integer', row);
    }
    return integerFrom(row.id);
  }

  #mismatch(what: string, { key }: IdRow): LoadResultError {
    return new LoadResultError(`table ${this.#options.statements.label} ${what}: ${key}`);
  }

  #use<T>(signal: AbortSignal, work: (client: BoundClient) => Promise<T>): Promise<T> {
    const { pool, clock, timeoutMs, statements } = this.#options;
    // The load itself ends at the same time and has set its timer before.
    const { label, table } = statements;
    return useClient({ pool, clock, timeoutMs, signal, label }, async (client) => {
      try {
        return await work(client);
      } catch (error) {
        throw await explainIdFailure(client, { ...table, label }, error);
      }
    });
  }
}
