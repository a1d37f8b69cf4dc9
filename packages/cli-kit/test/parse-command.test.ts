import { expect, it } from 'vitest';
import { parseCommand, type Unread } from '../src/index.ts';

interface Grow {
  readonly kind: 'grow';
  readonly url: string | undefined;
}

const printed: string[] = [];
const parse = (...args: string[]): Grow | Unread =>
  parseCommand<Grow>(args, {
    ...{ name: 'garden', description: 'Grows.', version: '1.2.3' },
    print: (text) => printed.push(text),
    addCommands(program, decide) {
      program
        .command('grow')
        .option('--url <url>')
        .option('--bug')
        .action((flags: { url?: string; bug?: true }) =>
          decide(() => {
            if (flags.bug === true) throw new RangeError('a bug');
            if (flags.url === 'bad') throw new TypeError('--url is bad');
            return { kind: 'grow', url: flags.url };
          }),
        );
      program.command('cut');
    },
  });

it('gives what the command has read', () => {
  expect(parse('grow', '--url', 'u')).toEqual({ kind: 'grow', url: 'u' });
});

it('prints the version and the help, and nothing else', () => {
  printed.length = 0;

  expect(parse('--version')).toEqual({ kind: 'printed' });
  expect(parse('--help')).toEqual({ kind: 'printed' });
  expect(printed[0]).toBe('1.2.3\n');
  expect(printed.join('')).toContain('Usage: garden');
});

it.each([
  [[], 'name a command: grow or cut'],
  [['help', 'nothing'], 'name a command: grow or cut'],
  [['grow', '--url'], "option '--url <url>' argument missing"],
  [['grow', '--url', 'bad'], '--url is bad'],
  [['grow', '--postgres://u:secret@host/db'], "unknown option '--postgres://***'"],
])('%j is a mistake, told in one sentence without credentials', (args, message) => {
  printed.length = 0;

  expect(parse(...args)).toEqual({ kind: 'mistake', message });
  expect(printed).toEqual([]);
});

it('does not take a bug for a mistake', () => {
  expect(() => parse('grow', '--bug')).toThrow(new RangeError('a bug'));
});
