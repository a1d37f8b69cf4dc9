import {
  requireFunction,
  requireObject,
  requireOptions,
  type OptionNames,
} from '@holdfast/internal';
import type { Awaitable, ExecuteOptions, ExecutionContext } from '../policy.ts';
import type { AnyFunction } from './replace-method.ts';

/** What `guardPg` needs of a pool; `pg.Pool` has this shape. */
export interface QueryablePool {
  query(...args: never[]): unknown;
}

/** What `guardPg` needs of a policy; every policy has this shape. */
export interface QueryPolicy {
  execute(
    fn: (context: ExecutionContext) => Awaitable<unknown>,
    options?: ExecuteOptions,
  ): Promise<unknown>;
}

export interface GuardPgOptions {
  /**
   * What `execute` is given for a query, from the arguments of the query: its deadline, its signal, or
   * `{ idempotent: true }` for statements that may run twice. Default: nothing.
   */
  readonly optionsOf?: ((...args: readonly unknown[]) => ExecuteOptions) | undefined;
}

const NAMES: OptionNames<GuardPgOptions> = {
  optionsOf: true,
};

/**
 * The pool, with each `query(...)` run under the policy; everything else is passed through as it is.
 *
 * A query that the policy gives up on, because of a timeout for example, goes on in the server, and one that still
 * waits for a connection is sent when it gets one: set `statement_timeout`, and `connectionTimeoutMillis` of the pool,
 * as well. Clients that `connect()` hands out are not guarded: put the policy around the whole transaction instead,
 * for a statement cannot be retried alone.
 *
 * @throws {TypeError} when an argument is wrong. A query with a callback, or of a cursor or a stream, throws a
 * TypeError as well: it has no promise that the policy could watch.
 */
export function guardPg<P extends QueryablePool>(
  pool: P,
  policy: QueryPolicy,
  options: GuardPgOptions = {},
): P {
  requireMethod('pool', pool, 'query');
  requireMethod('policy', policy, 'execute');
  requireOptions('guardPg', options, NAMES);
  const { optionsOf } = options;
  if (optionsOf !== undefined) requireFunction('optionsOf', optionsOf);

  const query = (...args: unknown[]): Promise<unknown> => {
    requirePlainQuery(args);
    // Looked up for each call: an observer may have replaced it since.
    const send = (): unknown =>
      Reflect.apply(Reflect.get<object, 'query'>(pool, 'query') as AnyFunction, pool, args);
    return policy.execute(send, optionsOf?.(...args));
  };
  return passThrough(pool, query);
}

function requireMethod(name: string, owner: object, method: string): void {
  requireFunction(`${name}.${method}`, Reflect.get(requireObject(name, owner), method) as unknown);
}

function requirePlainQuery(args: readonly unknown[]): void {
  if (typeof args.at(-1) === 'function') {
    throw new TypeError('query of a guarded pool takes no callback: await its promise');
  }
  const [text] = args;
  if (typeof text === 'object' && text !== null && 'submit' in text) {
    throw new TypeError('query of a guarded pool takes no cursor or stream: use a client for it');
  }
}

/** All but `query` as the pool has it. Methods get the pool itself as `this`, also for the sake of private fields. */
function passThrough<P extends object>(pool: P, query: unknown): P {
  const methods = new WeakMap<object, unknown>();
  const bound = (method: AnyFunction): unknown => {
    const known = methods.get(method);
    if (known !== undefined) return known;
    const apply = (target: AnyFunction, self: unknown, args: unknown[]): unknown => {
      const result = Reflect.apply(target, self === guarded ? pool : self, args);
      // `on` and its like return the pool to be chained: that must not lead out of the guard.
      return result === pool ? guarded : result;
    };
    // Not a plain function: a class that the pool has as a property can still be constructed.
    const proxy = new Proxy(method, { apply });
    methods.set(method, proxy);
    return proxy;
  };
  const guarded: P = new Proxy(pool, {
    get(target, property) {
      if (property === 'query') return query;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' && property !== 'constructor'
        ? bound(value as AnyFunction)
        : value;
    },
    set: (target, property, value) =>
      requireOther(property) && Reflect.set(target, property, value, target),
    defineProperty: (target, property, descriptor) =>
      requireOther(property) && Reflect.defineProperty(target, property, descriptor),
  });
  return guarded;
}

/** Put on the pool itself it would call the guard, which would call it. */
function requireOther(property: string | symbol): boolean {
  if (property !== 'query') return true;
  throw new TypeError(
    'query of a guarded pool cannot be replaced: replace that of the pool itself',
  );
}
