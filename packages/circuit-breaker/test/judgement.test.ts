import { describe, expect, it } from 'vitest';
import { circuitBreaker, consecutive, retry, type Classifier } from '../src/index.ts';

const down = new Error('down');
const fail = (): Promise<never> => Promise.reject(down);

describe('what a classifier returns', () => {
  it.each([
    [{ verdict: 'fail' }, 'verdict must be one of success, failure, ignore, got "fail"'],
    [{ applied: true }, 'applied must be one of no, maybe, yes, got true'],
    [{ retry: 'yes' }, 'retry must be a boolean, got "yes"'],
    [{ retryAfterMs: -1 }, 'retryAfterMs must be a finite number of at least 0, got -1'],
    [null, 'what classify returns must be an object, got null'],
    [true, 'what classify returns must be an object, got true'],
    ['ignore', 'what classify returns must be an object, got a string'],
    [Promise.resolve({}), 'classify must be synchronous, and returned a promise'],
  ])('%j is its own fault, and said so', async (answer, message) => {
    const classify = (() => answer) as unknown as Classifier;

    for (const policy of [retry({ classify }), circuitBreaker({ classify })]) {
      await expect(policy.execute(fail)).rejects.toMatchObject({
        name: 'AggregateError',
        errors: [down, expect.objectContaining({ message })],
      });
    }
  });

  it('may leave anything out, also with an explicit undefined', async () => {
    const breaker = circuitBreaker({
      trip: consecutive(1),
      classify: ({ ok }) => ({ verdict: undefined, retry: ok ? false : undefined }),
    });

    await expect(breaker.execute(() => 1)).resolves.toBe(1);
    expect(breaker.state).toBe('closed');
    await breaker.tryExecute(fail);
    expect(breaker.state).toBe('open');
  });
});
