import { fileURLToPath } from 'node:url';
import { defineConfig, type Options } from 'tsup';

const internalSource = fileURLToPath(new URL('packages/internal/src/index.ts', import.meta.url));

/**
 * One build for every library: ESM and CJS with types, `internal` bundled in, drivers left outside.
 * `dts.resolve` with the path to the source of `internal` is what puts its types into the bundle.
 */
export function libraryConfig(entry: string[]): ReturnType<typeof defineConfig> {
  const options: Options = {
    entry,
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    clean: true,
    sourcemap: false,
    treeshake: true,
    // Entries of one package share their modules, in CommonJS too: two copies of a module would have two states.
    splitting: true,
    noExternal: ['@holdfast/internal'],
    dts: { resolve: true, compilerOptions: { paths: { '@holdfast/internal': [internalSource] } } },
  };
  return defineConfig(options);
}
