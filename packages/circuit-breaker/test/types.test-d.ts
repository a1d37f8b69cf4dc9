import { expectTypeOf } from 'vitest';
import {
  circuitBreaker,
  pipeline,
  retry,
  timeout,
  Guarded,
  type CircuitState,
  type ExecutionContext,
  type Outcome,
  type Policy,
} from '../src/index.ts';

/** The shape that sibling packages accept as a guard. */
interface Guard {
  execute<T>(
    fn: (context: { readonly signal: AbortSignal }) => Promise<T>,
    options?: { signal?: AbortSignal },
  ): Promise<T>;
}

expectTypeOf<Policy>().toExtend<Guard>();
expectTypeOf(retry()).toExtend<Guard>();
expectTypeOf(circuitBreaker()).toExtend<Guard>();
expectTypeOf(timeout({ ms: 1 })).toExtend<Guard>();
expectTypeOf(pipeline()).toExtend<Guard>();

const policy = pipeline(retry(), circuitBreaker(), timeout({ ms: 1_000 }), pipeline());
expectTypeOf(policy).toExtend<Policy>();

expectTypeOf(policy.execute(() => 1)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(() => Promise.resolve('x'))).toEqualTypeOf<Promise<string>>();
expectTypeOf(policy.tryExecute(() => 1)).toEqualTypeOf<Promise<Outcome<number>>>();
void policy.execute((context) => {
  expectTypeOf(context).toEqualTypeOf<ExecutionContext>();
});

const guarded = policy.guard((id: string, count: number) => Promise.resolve(id.repeat(count)));
expectTypeOf(guarded).parameters.toEqualTypeOf<[string, number]>();
expectTypeOf(guarded).returns.toEqualTypeOf<Promise<string>>();

circuitBreaker().on('transition', (event) => {
  expectTypeOf(event.to).toEqualTypeOf<CircuitState>();
});
// @ts-expect-error: no such event
circuitBreaker().on('retry', () => undefined);
// @ts-expect-error: a pipeline has no events
pipeline().on('retry', () => undefined);
// @ts-expect-error: a signal is an option, not the options
void policy.execute(() => 1, new AbortController().signal);
// @ts-expect-error: ms has no default
timeout({});

// Twelve policies keep their types, and what a fallback may add goes through all of them.
declare const alternative: Policy<'instead'>;
const twelve = pipeline(
  timeout({ ms: 1 }),
  alternative,
  retry(),
  circuitBreaker(),
  timeout({ ms: 1 }),
  pipeline(alternative, retry()),
  retry(),
  retry(),
  retry(),
  retry(),
  retry(),
  timeout({ ms: 1 }),
);
expectTypeOf(twelve.execute(() => 1)).toEqualTypeOf<Promise<number | 'instead'>>();
expectTypeOf(twelve.guard((id: string) => id.length)).returns.toEqualTypeOf<
  Promise<number | 'instead'>
>();

class Prices {
  @Guarded(retry())
  async load(id: string): Promise<number> {
    return Promise.resolve(id.length);
  }
}
expectTypeOf(new Prices().load('a')).toEqualTypeOf<Promise<number>>();

expectTypeOf(circuitBreaker().isolate()).toEqualTypeOf<() => void>();
expectTypeOf(circuitBreaker().snapshot().counters.stale).toBeNumber();
