import type { QueryLog, RunningQuery } from './query-log.ts';
import type { AnyFunction } from './replace-method.ts';

/** A query that `pg` sends itself; cursors, streams and `Query` objects submit themselves and are left alone. */
export function isObservable([query]: readonly unknown[]): boolean {
  if (typeof query === 'string') return true;
  return typeof query === 'object' && query !== null && !('submit' in query);
}

/** `pg` takes a callback inside the config as well; here it is moved to where a callback is an argument. */
export function withCallbackLast(args: readonly unknown[]): readonly unknown[] {
  const [config, values] = args;
  if (typeof config !== 'object' || config === null || !('callback' in config)) return args;
  const { callback } = config;
  // One that is an argument goes before.
  if (typeof callback !== 'function' || args.some((arg) => typeof arg === 'function')) return args;
  // As `pg` copies it; the caller's own may be used again.
  const copy = Object.create(Object.getPrototypeOf(config) as object | null, {
    ...Object.getOwnPropertyDescriptors(config),
    callback: { value: undefined, writable: true, configurable: true, enumerable: true },
  }) as unknown;
  return [copy, values, callback];
}

/** Runs a query in the style in which it was called, and tells the log how it ended. */
export function runObserved(
  log: QueryLog,
  running: RunningQuery,
  invoke: (args: unknown[]) => unknown,
): unknown {
  const args = [...running.args];
  const index = args.findIndex((arg) => typeof arg === 'function');
  if (index !== -1) {
    const callback = args[index] as AnyFunction;
    args[index] = function observed(this: unknown, error: unknown, ...rest: unknown[]) {
      if (error) log.fail(running, error, observed);
      else log.succeed(running, observed);
      return Reflect.apply(callback, this, [error, ...rest]);
    };
    return invoke(args);
  }
  const result = invoke(args);
  if (!isThenable(result)) return result;
  const pass = (value: unknown): unknown => {
    log.succeed(running, pass);
    return value;
  };
  const fail = (error: unknown): never => {
    log.fail(running, error, fail);
    throw error;
  };
  // The derived promise is what the program awaits: only through it can the stack be followed to the program.
  return result.then(pass, fail);
}

export function isThenable(value: unknown): value is Promise<unknown> {
  if (typeof value !== 'object' || value === null || !('then' in value)) return false;
  return typeof value.then === 'function';
}
