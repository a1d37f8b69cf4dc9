import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Options } from 'tsup';

const internalSource = fileURLToPath(new URL('packages/internal/src/index.ts', import.meta.url));

/** A command of a library, which is published with it. */
export interface Program {
  /** It begins with `#!/usr/bin/env node`; the output is `dist/<its name>.js`, executable. */
  readonly entry: string;
  /** Packages that only the program needs: copied into it, so that the library depends on none of them. */
  readonly bundled: readonly string[];
}

/**
 * One build for every library: ESM and CJS with types, `internal` bundled in, drivers left outside.
 * `dts.resolve` with the path to the source of `internal` is what puts its types into the bundle.
 */
export function libraryConfig(entry: string[], program?: Program): ReturnType<typeof defineConfig> {
  const options: Options = {
    entry,
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    // Both builds run at once: this one must not remove what the other has written.
    clean: program === undefined ? true : [`!${basename(program.entry, '.ts')}.js`],
    sourcemap: false,
    treeshake: true,
    // Entries of one package share their modules, in CommonJS too: two copies of a module would have two states.
    splitting: true,
    noExternal: ['@holdfast/internal'],
    dts: { resolve: true, compilerOptions: { paths: { '@holdfast/internal': [internalSource] } } },
  };
  return defineConfig(program === undefined ? options : [options, programConfig(program)]);
}

/** A build of its own, ESM alone and without types: nobody imports a program, and the library's files stay as they are. */
function programConfig({ entry, bundled }: Program): Options {
  return {
    entry: [entry],
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    // The library's build does it.
    clean: false,
    sourcemap: false,
    treeshake: true,
    splitting: false,
    noExternal: ['@holdfast/internal', '@holdfast/cli-kit', ...bundled],
    dts: false,
    // What is bundled may be CommonJS, which asks for Node's own modules by `require`.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    footer: {
      js: bundled
        .map((name) => licenceComment(name, join(process.cwd(), 'package.json')))
        .join('\n'),
    },
  };
}

/** A copy of a package must carry its licence, and what it needs itself is copied with it; the build fails when there is none. */
function licenceComment(name: string, needs: string): string {
  const folders = createRequire(needs).resolve.paths(name) ?? [];
  const folder = folders.map((path) => join(path, name)).find((path) => existsSync(path)) ?? name;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry)) ?? 'LICENSE';
  const manifest = join(folder, 'package.json');
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  const own = `/*!\n${name}\n\n${readFileSync(join(folder, file), 'utf8')}*/`;
  return [own, ...Object.keys(dependencies).map((one) => licenceComment(one, manifest))].join('\n');
}
