import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/main.ts'],
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  clean: true,
  // The suite's own packages are bundled in; everything else is a dependency.
  noExternal: [/^@holdfast\//],
});
