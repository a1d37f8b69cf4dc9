import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  // The last is what tsup writes while it reads its configuration: the build runs beside the lint.
  {
    ignores: ['**/dist/', '**/coverage/', '.ci/out/', '.stryker-tmp/', '**/*.bundled_*.mjs'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      // A switch over a union ends in `const impossible: never = state`, which the compiler checks.
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
      // Numbers in messages are the point of a good message.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `void` as a type argument says "resolves with nothing" in callback types.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Event handlers and `() => timer.cancel()` read better in one line.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // We reject with whatever the caller gave: signal.reason may be any value.
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      // A type parameter used once still names the shape for the caller (`fn: () => Promise<T>`).
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^impossible$' },
      ],
      'no-console': 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'error' },
  },
  {
    // The rows are typed by the array that they stand in.
    files: ['packages/testkit/src/conformance/*-rows.ts'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['**/test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Tests index arrays whose length they have just asserted.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Fakes implement async interfaces without awaiting.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    // An example shows what it does.
    files: ['packages/*/examples/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
      },
    },
  },
);
