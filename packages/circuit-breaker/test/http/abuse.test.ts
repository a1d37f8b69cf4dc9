import { httpErrors } from '@holdfast/circuit-breaker/http';
import { expect, test } from 'vitest';

test.each<object>([{ retry: [503] }, { retry: undefined }])(
  'httpErrors refuses %j at once',
  (wrong) => {
    expect(() => httpErrors(wrong)).toThrow(
      new TypeError(
        'retry is not an option of httpErrors; its options are retryOn, failOn, maxRetryAfterMs, clock',
      ),
    );
  },
);
