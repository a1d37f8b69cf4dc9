import { expectTypeOf } from 'vitest';
import { fallback, fallbackWith, type FallbackPolicy } from '../src/fallback/fallback.ts';
import { pipeline } from '../src/pipeline.ts';
import type { AlternativeOf, ExecutionContext, Outcome, Policy } from '../src/policy.ts';
import { timeout } from '../src/timeout/timeout.ts';

const text = (): Promise<string> => Promise.resolve('x');

expectTypeOf(fallback(0)).toEqualTypeOf<FallbackPolicy<number>>();
expectTypeOf(fallback(0).execute(text)).toEqualTypeOf<Promise<string | number>>();
expectTypeOf(fallback(0).tryExecute(text)).toEqualTypeOf<Promise<Outcome<string | number>>>();
expectTypeOf(fallback('y').execute(text)).toEqualTypeOf<Promise<string>>();
expectTypeOf(fallback(null).execute(text)).toEqualTypeOf<Promise<string | null>>();
expectTypeOf(fallback([] as string[]).execute(text)).toEqualTypeOf<Promise<string | string[]>>();

const mixed = fallback(
  (error, context) => {
    expectTypeOf(error).toBeUnknown();
    expectTypeOf(context).toEqualTypeOf<ExecutionContext>();
    return Promise.resolve(1);
  },
  () => true,
  { rows: 0 },
);
expectTypeOf(mixed.execute(text)).toEqualTypeOf<
  Promise<string | number | boolean | { rows: number }>
>();
expectTypeOf(mixed.guard((id: number) => `${id}`)).returns.toEqualTypeOf<
  Promise<string | number | boolean | { rows: number }>
>();

// A step that can only throw adds nothing.
const throwing = fallback((): never => {
  throw new Error('no');
});
expectTypeOf(throwing.execute(text)).toEqualTypeOf<Promise<string>>();

expectTypeOf(fallbackWith({ name: 'page' }, 0, () => 'z').execute(text)).toEqualTypeOf<
  Promise<string | number>
>();
expectTypeOf<AlternativeOf<typeof mixed>>().toEqualTypeOf<number | boolean | { rows: number }>();
expectTypeOf(pipeline(fallback(0), timeout({ ms: 1 })).execute(text)).toEqualTypeOf<
  Promise<string | number>
>();
expectTypeOf(fallback(0)).toExtend<Policy<unknown>>();

// @ts-expect-error: at least one step
fallback();
