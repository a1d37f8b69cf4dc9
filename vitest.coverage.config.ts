import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** The state machine of the circuit breaker: each branch is taken by its own tests. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    // `npm test` runs the model at its size; the branches are taken long before.
    env: { HOLDFAST_MODEL_SEQUENCES: '1000' },
    include: ['packages/circuit-breaker/test/circuit-breaker/**/*.test.ts'],
    coverage: {
      enabled: true,
      include: ['packages/circuit-breaker/src/circuit-breaker/circuit.ts'],
      reporter: ['text'],
      thresholds: { branches: 100, functions: 100, lines: 100, statements: 100 },
    },
  },
});
