import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const PACKAGES = new URL('../../packages/', import.meta.url);
const LIBRARIES = ['locks', 'batch-writer', 'sync-queue', 'circuit-breaker', 'zone-scheduler'];

/** Code in a README that no file of `examples` holds, where it is compiled, and run by a test of the package. */
function unproven(readme: string, examples: readonly string[]): string[] {
  const blocks = readme.matchAll(
    /^[ >]*```(?:[tj]sx?|[cm][tj]s|typescript|javascript)\b.*\n([^]*?)^[ >]*```/gim,
  );
  return [...blocks].flatMap(([, code = '']) => (examples.includes(code) ? [] : [code]));
}

it.each(LIBRARIES)('the README of %s shows no code that is not run', (name) => {
  const folder = new URL(`${name}/examples/`, PACKAGES);
  const examples = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const readme = readFileSync(new URL(`${name}/README.md`, PACKAGES), 'utf8');

  expect(examples.every((example) => readme.includes(example))).toBe(true);
  expect(unproven(readme, examples)).toEqual([]);
});

it.each(['```ts\nb();\n```\n', '```typescript\nb();\n```\n', '- so:\n  ```js\n  b();\n  ```\n'])(
  'negative control: finds code that is not run in %j',
  (block) => {
    const shown = `# A\n\n\`\`\`ts\na();\n\`\`\`\n\n\`\`\`sh\nnpm install a\n\`\`\`\n\n${block}`;

    expect(unproven(shown, ['a();\n'])).toEqual([expect.stringContaining('b();')]);
  },
);
