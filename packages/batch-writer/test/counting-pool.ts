import type { PgClientLike, PgPoolLike } from '@holdfast/batch-writer';

/** A pool that counts the statements that write rows. */
export interface CountingPool extends PgPoolLike {
  writes(): number;
}

export function createCountingPool(pool: PgPoolLike): CountingPool {
  let writes = 0;
  return {
    writes: () => writes,
    async connect() {
      const client = await pool.connect();
      return new Proxy(client, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property, target);
          if (typeof value !== 'function') return value;
          if (property !== 'query') return value.bind(target) as unknown;
          return (...args: unknown[]) => {
            const [text] = args;
            // COPY is no text: it is a query object.
            if (typeof text !== 'string' || /^(INSERT|WITH)/.test(text)) writes += 1;
            return (target.query as (...args: unknown[]) => unknown)(...args);
          };
        },
      }) satisfies PgClientLike;
    },
  };
}
