import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** What Stryker runs against each mutant of retry and breaker: tests that need no server, the model test made short. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      'packages/circuit-breaker/test/circuit-breaker/**/*.test.ts',
      'packages/circuit-breaker/test/{circuit-breaker,retry,retry-rules,abuse}.test.ts',
    ],
    globalSetup: [],
    isolate: false,
    testTimeout: 5_000,
    // The same sequences for every mutant: what one run kills, the next one kills.
    env: { HOLDFAST_SEED: '20260801', HOLDFAST_MODEL_SEQUENCES: '1000' },
  },
});
