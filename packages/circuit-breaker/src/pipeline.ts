import { requireFunction, requireObject, systemClock, type Clock } from '@holdfast/internal';
import { BasePolicy } from './base-policy.ts';
import { invokeAbortable, type CallContext } from './call-context.ts';
import { lintOrder } from './lint-order.ts';
import type { AlternativeOf, Policy, PolicySnapshot, Work } from './policy.ts';

export interface PipelineSnapshot extends PolicySnapshot {
  readonly kind: 'pipeline';
  /** Outer to inner. */
  readonly policies: readonly PolicySnapshot[];
}

export interface Pipeline<Alternative = never> extends Policy<Alternative> {
  /** Outer to inner. */
  readonly policies: readonly Policy<unknown>[];
  /** One sentence for each order that cannot be meant, such as a fallback inside a retry; empty when all is well. */
  lint(): readonly string[];
  snapshot(): PipelineSnapshot;
}

/**
 * Composes policies, outer to inner, into one that is a policy itself: `pipeline(retry(), timeout({ ms: 500 }))` gives
 * each attempt 500 ms. Each policy passes its signal, its deadline and its attempt number inwards.
 *
 * @throws {TypeError} when one of them is not a policy.
 */
export function pipeline<const P extends readonly Policy<unknown>[]>(
  ...policies: P
): Pipeline<AlternativeOf<P[number]>> {
  for (const [index, policy] of policies.entries()) {
    requireObject(`policies[${index}]`, policy);
    const candidate: { readonly execute?: unknown } = policy;
    requireFunction(`policies[${index}].execute`, candidate.execute);
  }
  return new PolicyPipeline<AlternativeOf<P[number]>>(policies);
}

class PolicyPipeline<Alternative>
  extends BasePolicy<Alternative, object>
  implements Pipeline<Alternative>
{
  readonly policies: readonly Policy<unknown>[];

  constructor(policies: readonly Policy<unknown>[]) {
    super('pipeline', clockOf(policies), {});
    this.policies = Object.freeze([...policies]);
  }

  protected override run<T>(fn: Work<T>, context: CallContext): Promise<T | Alternative> {
    const [outermost, ...inner] = this.policies;
    if (outermost === undefined) return runBare(fn, context);
    // A context fits as options, so that each policy gets the one of the policy around it as it is.
    const work = inner.reduceRight<Work<unknown>>(
      (next, policy) => (passed) => policy.execute(next, passed),
      fn,
    );
    return outermost.execute(work, context) as Promise<T | Alternative>;
  }

  lint(): readonly string[] {
    return lintOrder(this.policies);
  }

  override snapshot(): PipelineSnapshot {
    return {
      name: this.name,
      kind: 'pipeline',
      counters: {},
      gauges: {},
      policies: this.policies.map((policy) => policy.snapshot()),
    };
  }
}

/** What a pipeline of no policies does. */
function runBare<T>(fn: Work<T>, context: CallContext): Promise<T> {
  if (context.source?.aborted === true) return Promise.reject(context.source.reason);
  return invokeAbortable(fn, context);
}

/** Deadlines are told on the clock that the policies were given. */
function clockOf(policies: readonly Policy<unknown>[]): Clock {
  const clocks = policies.map((policy) =>
    policy instanceof BasePolicy ? policy.clock : systemClock,
  );
  return clocks.find((clock) => clock !== systemClock) ?? systemClock;
}
