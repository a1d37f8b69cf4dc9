import type { ExecutionContext } from '../../src/policy.ts';

export function contextOf(given: Partial<ExecutionContext> = {}): ExecutionContext {
  return {
    signal: new AbortController().signal,
    attempt: 1,
    deadline: Infinity,
    remainingMs: () => Infinity,
    key: undefined,
    idempotent: false,
    ...given,
  };
}
