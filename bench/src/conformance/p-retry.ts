import { NotApplicable, type Library } from '@holdfast/testkit';
import pRetry from 'p-retry';
import { installVirtualTime } from './virtual-time.ts';

export const pRetryLibrary: Library = {
  name: 'p-retry',
  open() {
    const { clock, uninstall } = installVirtualTime();
    return {
      clock,
      retry: ({ attempts, baseMs, factor, retries, maxElapsedMs, retryAfterMs }) => {
        if (retryAfterMs !== undefined) throw new NotApplicable('Retry-After');
        return (fn, signal) =>
          pRetry(() => fn(signal ?? new AbortController().signal), {
            retries: attempts - 1,
            minTimeout: baseMs,
            factor: factor ?? 1,
            randomize: false,
            shouldRetry: ({ error }) => retries?.(error) ?? true,
            ...(maxElapsedMs === undefined ? {} : { maxRetryTime: maxElapsedMs }),
            ...(signal === undefined ? {} : { signal }),
          });
      },
      close: uninstall,
    };
  },
};
