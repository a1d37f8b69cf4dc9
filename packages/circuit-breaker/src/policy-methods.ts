import { requireFunction } from '@holdfast/internal';
import { checkExecuteOptions } from './execution-context.ts';
import type { Awaitable, ExecuteOptions, Outcome, Policy, Work } from './policy.ts';

/** How a policy runs work; everything else that a policy can do follows from it. */
export type Run = <T>(fn: Work<T>, options: ExecuteOptions) => Promise<T>;

export function createPolicyMethods(run: Run): Pick<Policy, 'execute' | 'tryExecute' | 'guard'> {
  const execute = <T>(fn: Work<T>, options: ExecuteOptions = {}): Promise<T> =>
    run(requireFunction('fn', fn), checkExecuteOptions(options));

  return {
    execute,
    tryExecute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<Outcome<T>> {
      return execute(fn, options).then(
        (value) => ({ ok: true, value }),
        (error: unknown) => ({ ok: false, error }),
      );
    },
    guard<This, Args extends unknown[], T>(fn: (this: This, ...args: Args) => Awaitable<T>) {
      requireFunction('fn', fn);
      return function (this: This, ...args: Args): Promise<T> {
        return execute(() => fn.apply(this, args));
      };
    },
  };
}
