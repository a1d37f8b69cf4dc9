import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createLiveText } from '../src/live-text.ts';

function setUp(terminal: { readonly isTTY?: true; readonly rows?: number }) {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), terminal);
  const { show } = createLiveText(stream);
  return (text: string): unknown => {
    show(text);
    return stream.read() as unknown;
  };
}

it('on a terminal draws in the place of what was there, and clears what is left of it', () => {
  const drawn = setUp({ isTTY: true, rows: 24 });

  expect(drawn('a\nb\n')).toBe('\u001b[?7la\u001b[K\nb\u001b[K\n\u001b[?7h\u001b[J');
  expect(drawn('c\n')).toBe('\u001b[2F\u001b[?7lc\u001b[K\n\u001b[?7h\u001b[J');
  expect(drawn('d\n')).toContain('\u001b[1F');
});

it('leaves out what the terminal has no room for', () => {
  const drawn = setUp({ isTTY: true, rows: 3 });

  expect(drawn('a\nb\nc\n')).toBe('\u001b[?7la\u001b[K\nb\u001b[K\n\u001b[?7h\u001b[J');
  expect(drawn('d\n')).toContain('\u001b[2F');
});

it('draws all of it on a terminal that does not say how large it is', () => {
  expect(setUp({ isTTY: true, rows: 0 })('a\nb\nc\n')).toContain('c');
});

it('elsewhere writes one below the other, without control sequences', () => {
  const written = setUp({});

  expect(written('a\nb\n')).toBe('a\nb\n');
  expect(written('c\n')).toBe('\nc\n');
});
