import { createListeners, raceAbort, requireFunction, requireObject } from '@holdfast/internal';
import { abortSource, invoke, passOn } from './execution-context.ts';
import { createPolicyMethods, type Run } from './policy-methods.ts';
import type { ExecuteOptions, Pipeline, Policy, Work } from './policy.ts';

/**
 * Composes policies, outer to inner, into one that is a policy itself: `pipeline(retry(), timeout({ ms: 500 }))` gives
 * each attempt 500 ms. Each policy passes its signal and its attempt number inwards.
 *
 * @throws {TypeError} when one of them is not a policy.
 */
export function pipeline(...policies: readonly Policy[]): Pipeline {
  for (const [index, policy] of policies.entries()) {
    requireObject(`policies[${index}]`, policy);
    const candidate: { readonly execute?: unknown } = policy;
    requireFunction(`policies[${index}].execute`, candidate.execute);
  }
  const name = 'pipeline';
  const listeners = createListeners<object>();

  const runFrom = <T>(index: number, fn: Work<T>, options: ExecuteOptions): Promise<T> => {
    const policy = policies[index];
    if (policy === undefined) return runBare(fn, options);
    const isInnermost = index === policies.length - 1;
    // A context fits as options, so the next policy gets the signal of the one around it without it being created.
    return policy.execute(isInnermost ? fn : (context) => runFrom(index + 1, fn, context), options);
  };
  const run: Run = (fn, options) => runFrom(0, fn, options);

  return {
    name,
    ...createPolicyMethods(run),
    on: (event, listener) => listeners.on(event, listener),
    snapshot: () => ({
      name,
      kind: 'pipeline',
      counters: {},
      gauges: {},
      policies: policies.map((policy) => policy.snapshot()),
    }),
  };
}

/** What a pipeline of no policies does. */
function runBare<T>(fn: Work<T>, options: ExecuteOptions): Promise<T> {
  const source = abortSource(options);
  if (source?.aborted === true) return Promise.reject(source.reason);
  return raceAbort(invoke(fn, passOn(options)), source);
}
