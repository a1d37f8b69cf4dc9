import type { KyselyLike, Queryable } from '../ports.ts';

/** The parts of Kysely that make a transaction over a connection that is not Kysely's own. */
interface KyselyModule {
  readonly Transaction: new (props: object) => unknown;
  readonly PostgresDialect: new (config: { readonly pool: never }) => object;
  readonly DummyDriver: new () => object;
}

interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What a query of `pg` gives beside its rows. */
interface Answer {
  readonly rows: unknown[];
  readonly command: string;
  readonly rowCount: number | null;
}

const CHANGES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/**
 * Gives the function that makes a `Transaction` of `kysely`, with its plugins, over a connection of ours. Kysely's own
 * transactions cannot be tried again, and hide that their connection was lost.
 */
export async function loadKyselyTransactions(
  kysely: KyselyLike,
): Promise<(tx: Queryable) => unknown> {
  const { Transaction, PostgresDialect, DummyDriver } = (await import('kysely')) as KyselyModule;
  const dialect = new PostgresDialect({ pool: undefined as never });
  const driver = new DummyDriver();
  return (tx) => {
    const provider = {
      provideConnection: (use: (single: object) => unknown) => use(connectionOf(tx)),
    };
    const executor = kysely.getExecutor().withConnectionProvider(provider as never);
    return new Transaction({ config: { dialect }, dialect, driver, executor });
  };
}

/** `DatabaseConnection` of Kysely. */
function connectionOf(tx: Queryable): object {
  return {
    async executeQuery({ sql, parameters }: CompiledQuery) {
      const answer = await tx.query<object>(sql, [...parameters]);
      const { rows, command, rowCount } = answer as unknown as Answer;
      const numAffectedRows = CHANGES.has(command) ? BigInt(rowCount ?? 0) : undefined;
      return { rows, ...(numAffectedRows === undefined ? {} : { numAffectedRows }) };
    },
    streamQuery(): never {
      throw new TypeError('a transaction of locks does not stream: use tx.pg with pg-cursor');
    },
  };
}
