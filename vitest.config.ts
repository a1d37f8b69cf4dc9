import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { defineConfig, type Plugin } from 'vitest/config';

/** The aliases of tsconfig.json: the tests run from source, without a build. */
const tsconfig = JSON.parse(readFileSync(new URL('tsconfig.json', import.meta.url), 'utf8')) as {
  compilerOptions: { paths: Record<string, [string]> };
};

const alias = Object.entries(tsconfig.compilerOptions.paths).map(([name, [target]]) => ({
  find: new RegExp(`^${name.replace('*', '([^/]+)')}$`),
  replacement: fileURLToPath(new URL(target.replace('*', '$1'), import.meta.url)),
}));

/** Vite's own transform leaves standard decorators as they are, and Node.js cannot run them. */
const lowerDecorators: Plugin = {
  name: 'lower-decorators',
  enforce: 'pre',
  async transform(code, id) {
    if (!id.endsWith('.ts') || !/^\s*@[A-Z]\w*\(/m.test(code)) return undefined;
    const lowered = await transform(code, { loader: 'ts', target: 'es2022', sourcemap: true });
    return { code: lowered.code, map: lowered.map };
  },
};

export default defineConfig({
  plugins: [lowerDecorators],
  resolve: { alias },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'scripts/test/**/*.test.ts',
      'bench/test/**/*.test.ts',
    ],
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    // A forgotten .only would leave the rest of its file untested.
    allowOnly: false,
    // Two cores: more workers only make real servers wait for each other.
    maxWorkers: 2,
    // Ends what hangs; no measure: a shared machine is several times slower at times.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
