import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const folder = new URL('../examples/', import.meta.url);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it.each(readdirSync(folder))(
  'example %s runs and is shown in the README as it is',
  async (file) => {
    const text = readFileSync(new URL(file, folder), 'utf8');

    await import(new URL(file, folder).href);

    expect(text.split('\n').length).toBeLessThanOrEqual(41);
    expect(readme).toContain(`\`\`\`ts\n${text}\`\`\`\n`);
  },
);
