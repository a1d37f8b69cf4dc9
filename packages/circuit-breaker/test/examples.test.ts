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

it('shows no code in the README that is not run here', () => {
  const shown = readme.matchAll(/^```ts\n(.*?)^```$/gms);
  const run = new Set(
    readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8')),
  );

  expect([...shown].map(([, code]) => code).filter((code) => !run.has(code ?? ''))).toEqual([]);
});

it('has a heading in the README for every link within it', () => {
  const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...readme.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);

  expect(links.filter((anchor) => !headings.includes(anchor ?? ''))).toEqual([]);
});
