import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { withOptimisticRetry } from '../src/rows/optimistic-retry.ts';
import { RowGoneError, VersionConflictError } from '../src/rows/row-errors.ts';

const conflict = (actual = 2): VersionConflictError =>
  new VersionConflictError({ table: 't', id: 1, expected: 1, actual, current: {} });

/** Fails with `errors` in turn, then resolves with the number of the attempt. */
function failing(errors: readonly unknown[]): {
  readonly attempts: number[];
  readonly fn: (attempt: number) => Promise<number>;
} {
  const attempts: number[] = [];
  return {
    attempts,
    fn: (attempt) => {
      attempts.push(attempt);
      const error = errors[attempt - 1];
      return error === undefined ? Promise.resolve(attempt) : Promise.reject(error);
    },
  };
}

const always = (): Promise<never> => Promise.reject(conflict());

describe('withOptimisticRetry', () => {
  it('calls fn again after a conflict, and says which attempt it is', async () => {
    const { fn, attempts } = failing([conflict(), conflict()]);
    await expect(withOptimisticRetry(fn, { baseMs: 0 })).resolves.toBe(3);
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('knows a conflict that others have wrapped', async () => {
    const wrapped = new Error('outer', { cause: new Error('inner', { cause: conflict() }) });
    const { fn } = failing([wrapped]);
    await expect(withOptimisticRetry(fn, { baseMs: 0 })).resolves.toBe(2);
  });

  it.each([
    new RowGoneError('t', 1),
    new Error('other'),
    Object.assign(new Error('serialization failure'), { code: '40001' }),
    'no error at all',
    undefined,
    Object.assign(new Error('of nobody'), { code: 'VERSION_CONFLICT' }),
  ])('does not try again after %s', async (reason) => {
    let calls = 0;
    const failed = withOptimisticRetry(() => {
      calls += 1;
      return Promise.reject(reason);
    });
    await expect(failed).rejects.toBe(reason);
    expect(calls).toBe(1);
  });

  it('does not multiply the tries of a call inside', async () => {
    let calls = 0;
    const inner = (): Promise<never> =>
      withOptimisticRetry(
        () => {
          calls += 1;
          return always();
        },
        { attempts: 3, baseMs: 0 },
      );
    await expect(withOptimisticRetry(inner, { attempts: 3, baseMs: 0 })).rejects.toMatchObject({
      code: 'RETRIES_EXHAUSTED',
    });
    expect(calls).toBe(3);
  });

  it('gives up with the number of attempts and the last conflict', async () => {
    const conflicts = [conflict(2), conflict(3), conflict(4)];
    const { fn } = failing(conflicts);
    const failed = withOptimisticRetry(fn, { attempts: 3, baseMs: 0 });
    await expect(failed).rejects.toMatchObject({ code: 'RETRIES_EXHAUSTED', attempts: 3 });
    await expect(failed).rejects.toHaveProperty('cause', conflicts[2]);
  });

  it('turns what fn throws into a rejection', async () => {
    const failure = new Error('thrown');
    const throwing = (): never => {
      throw failure;
    };
    await expect(withOptimisticRetry(throwing)).rejects.toBe(failure);
  });

  it('pauses with full jitter below a ceiling that doubles, up to the cap', async () => {
    const clock = createFakeClock();
    const starts: number[] = [];
    const failed = withOptimisticRetry(
      () => {
        starts.push(clock.now());
        return always();
      },
      { clock, random: () => 0.5, capMs: 100 },
    ).catch((error: unknown) => error);

    await clock.advance(10_000);

    expect(await failed).toMatchObject({ code: 'RETRIES_EXHAUSTED', attempts: 10 });
    const pauses = starts.slice(1).map((start, n) => start - starts[n]!);
    expect(pauses).toEqual([8, 16, 32, 50, 50, 50, 50, 50, 50]);
    expect(clock.pending()).toBe(0);
  });

  it('ends its pause at once when the signal aborts, and leaves nothing behind', async () => {
    const clock = createFakeClock();
    const aborting = new AbortController();
    const reason = new Error('enough');
    let calls = 0;
    const failed = withOptimisticRetry(
      () => {
        calls += 1;
        return always();
      },
      { clock, random: () => 0.5, signal: aborting.signal },
    );
    const settled = expect(failed).rejects.toBe(reason);
    await clock.advance(0);
    expect(clock.pending()).toBe(1);

    aborting.abort(reason);

    await settled;
    expect([calls, clock.pending()]).toEqual([1, 0]);
  });

  it('does not begin when the signal has aborted', async () => {
    const reason = new Error('enough');
    const { fn, attempts } = failing([]);
    await expect(withOptimisticRetry(fn, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(attempts).toEqual([]);
  });
});
