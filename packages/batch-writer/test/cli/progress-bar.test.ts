import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgressBar } from '../../src/cli/progress-bar.ts';

/** All that is written. */
class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns = 60;
  text = '';

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(text: string, _encoding: string, written: () => void): void {
    this.text += text;
    written();
  }
}

function run(bar: ReturnType<typeof createProgressBar>): void {
  bar.show({ phase: 'scan', attempt: 1, duplicates: 0, done: 0, deleted: 0 });
  bar.show({ phase: 'delete', attempt: 1, duplicates: 8, done: 2, deleted: 2, etaMs: 2500 });
  bar.end();
}

describe('a progress bar', () => {
  it('says what is done and how long it will last, and clears its line at the end', () => {
    const screen = new Screen(true);

    run(createProgressBar(screen));

    expect(screen.text).toContain('looking for duplicates …');
    expect(screen.text).toContain('██████░░░░░░░░░░░░░░░░░░ 25 %, 2 of 8, 3 s left');
    expect(screen.text.endsWith('\u001b[1G\u001b[2K')).toBe(true);
  });

  it('stays within the width of the terminal', () => {
    const screen = new Screen(true);
    const bar = createProgressBar(screen);

    bar.show({ phase: 'delete', attempt: 12, duplicates: 8e9, done: 2e9, deleted: 0, etaMs: 9e9 });
    bar.end();

    // eslint-disable-next-line no-control-regex -- the sequences of the terminal are what is left out
    const lines = screen.text.split(/\u001b(?:\[\d*[A-Z]|\d)/);
    expect(Math.max(...lines.map((line) => line.length))).toBe(60);
  });

  it('begins again behind its end', () => {
    const screen = new Screen(true);
    const bar = createProgressBar(screen);
    run(bar);
    screen.text = '';

    run(bar);

    expect(screen.text).toContain('25 %, 2 of 8');
  });

  it('writes nothing where there is no terminal', () => {
    const screen = new Screen(false);

    run(createProgressBar(screen));

    expect(screen.text).toBe('');
  });
});
