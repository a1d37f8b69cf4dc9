/** Changes retry and breaker in one place at a time, and runs their tests: a mutant that no test notices survives. */
export default {
  mutate: ['packages/circuit-breaker/src/{circuit-breaker,retry}/*.ts'],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutation.config.ts' },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // A loaded machine must not turn a slow run into a killed mutant: only an endless loop takes this long.
  timeoutMS: 20_000,
  incremental: false,
  // The sandbox is a copy of the repository: without what no test reads.
  ignorePatterns: ['**/dist', 'coverage', 'docs', 'bench', '.ci', '.github', '.githooks'],
  tempDirName: '.stryker-tmp',
  cleanTempDir: 'always',
  reporters: ['clear-text', 'progress', 'json'],
  jsonReporter: { fileName: 'coverage/mutation.json' },
  clearTextReporter: { allowColor: false, logTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
