import { requireFunction, requireObject } from '@holdfast/internal';
import { resolveObserveQueriesOptions, type ObserveQueriesOptions } from './observe-options.ts';
import { QueryLog, type RunningQuery, type Session } from './query-log.ts';
import { replaceMethod, type AnyFunction } from './replace-method.ts';
import { isObservable, isThenable, runObserved, withCallbackLast } from './run-observed.ts';

/** What `observeQueries` needs of a pool; `pg.Pool` has this shape. */
export interface ObservablePool {
  query(...args: never[]): unknown;
  connect(...args: never[]): unknown;
}

/**
 * Tells of slow and of failed queries: those of the pool, and those of every client that it hands out, whoever asked
 * for it (Kysely's `PostgresDialect` for example); with promises and with callbacks. Cursors and streams are not
 * observed. Returns a function that ends it: the pool is as it was, clients say nothing more.
 *
 * A failed transaction answers each further statement with 25P02 and so hides what went wrong; such an event names the
 * first failure as its `rootCause`.
 *
 * @throws {TypeError | RangeError} when an argument is wrong.
 */
export function observeQueries(
  pool: ObservablePool,
  options: ObserveQueriesOptions = {},
): () => void {
  const methods: { readonly [K in keyof ObservablePool]: unknown } = requireObject('pool', pool);
  requireFunction('pool.query', methods.query);
  requireFunction('pool.connect', methods.connect);
  const log = new QueryLog(resolveObserveQueriesOptions(options));
  const restore = observePool(pool, log);
  return () => {
    log.stop();
    restore();
  };
}

/**
 * `pool.query` of `pg-pool` asks `pool.connect` for a client, with a callback, and queries the client in it. That is
 * one query, told about where its caller awaits it: it is handed along, and the client leaves it alone.
 */
function observePool(pool: ObservablePool, log: QueryLog): () => void {
  const observeClient = createClientObserver(log);
  /** On its way from `pool.query` to the `pool.connect` that it calls before it returns. */
  let connecting: RunningQuery | undefined;

  const restoreQuery = replaceMethod(
    pool,
    'query',
    (original) =>
      function query(this: unknown, ...args) {
        if (log.isStopped || !isObservable(args)) return Reflect.apply(original, this, args);
        const running = log.begin(args, query);
        return runObserved(log, running, (observed) => {
          connecting = running;
          try {
            return Reflect.apply(original, this, observed);
          } finally {
            connecting = undefined;
          }
        });
      },
  );
  const restoreConnect = replaceMethod(
    pool,
    'connect',
    (original) =>
      function connect(this: unknown, ...args) {
        const running = connecting;
        connecting = undefined;
        const [callback] = args;
        if (typeof callback === 'function') {
          const handOver: AnyFunction = (error, client, ...rest) => {
            const answer = (): unknown =>
              Reflect.apply(callback as AnyFunction, undefined, [error, client, ...rest]);
            return observeClient(client, running, answer);
          };
          return Reflect.apply(original, this, [handOver]);
        }
        const result = Reflect.apply(original, this, args);
        if (!isThenable(result)) return result;
        return result.then((client) => observeClient(client, undefined, () => client));
      },
  );
  return () => {
    restoreQuery();
    restoreConnect();
  };
}

/** Observes a client, once, while `use` is given it; if `use` queries it at once, then that is `running`. */
type ClientObserver = (
  client: unknown,
  running: RunningQuery | undefined,
  use: () => unknown,
) => unknown;

function createClientObserver(log: QueryLog): ClientObserver {
  const known = new WeakSet();
  let handed: RunningQuery | undefined;

  const observe = (client: object): void => {
    const session: Session = { firstFailure: undefined };
    const restore = replaceMethod(
      client,
      'query',
      (original) =>
        function query(this: unknown, ...args) {
          const running = handed;
          handed = undefined;
          const send = (given: unknown[]): unknown => Reflect.apply(original, this, given);
          if (log.isStopped) restore();
          else if (running !== undefined) log.reach(running, session);
          else if (isObservable(args)) {
            // Only here: `pg-pool` takes no callback from a config.
            return runObserved(log, log.begin(withCallbackLast(args), query, session), send);
          }
          return send(args);
        },
    );
  };
  return (client, running, use) => {
    if (!log.isStopped && typeof client === 'object' && client !== null && !known.has(client)) {
      known.add(client);
      observe(client);
    }
    handed = running;
    try {
      return use();
    } finally {
      handed = undefined;
    }
  };
}
