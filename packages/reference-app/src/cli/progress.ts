import { SingleBar } from 'cli-progress';
import { systemClock } from '@holdfast/internal';
import type { BadLine } from '../demo/replay-file.ts';
import type { DemoProgress } from '../demo/run-demo.ts';

type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** A line at most this often where there is no terminal to redraw. */
const LINE_EVERY_MS = 2_000;

/** Bad lines that are told one by one; the rest is only counted. */
const BAD_LINES_SHOWN = 10;

/** A bar on a terminal, plain lines otherwise; always on the error stream, so that the output stays clean. */
export function createProgress(stream: Stream): DemoProgress & { stop(): void } {
  return stream.isTTY === true ? barProgress(stream) : lineProgress(stream);
}

function barProgress(stream: Stream): DemoProgress & { stop(): void } {
  const bar = new SingleBar({
    stream,
    format: '{phase} [{bar}] {percentage}% | {messages} messages | {open} unsettled',
    hideCursor: true,
    clearOnComplete: true,
  });
  let active = false;
  let badLines = 0;
  const write = (text: string): void => {
    if (active) bar.stop();
    active = false;
    stream.write(`${text}\n`);
  };
  return {
    phase: (text) => write(text),
    update(fraction, ledger) {
      const facts = { phase: 'running', messages: ledger.acknowledged, open: ledger.unsettled };
      if (!active) bar.start(100, 0, facts);
      active = true;
      bar.update(Math.floor(fraction * 100), facts);
    },
    badLine(bad) {
      badLines += 1;
      if (badLines <= BAD_LINES_SHOWN) write(describeBadLine(bad));
    },
    stop() {
      if (active) bar.stop();
      active = false;
    },
  };
}

function lineProgress(stream: Stream): DemoProgress & { stop(): void } {
  let shownAt = -Infinity;
  let badLines = 0;
  return {
    phase: (text) => stream.write(`${text}\n`),
    update(fraction, ledger) {
      const now = systemClock.now();
      if (now - shownAt < LINE_EVERY_MS) return;
      shownAt = now;
      const percent = Math.floor(fraction * 100);
      const { acknowledged, unsettled } = ledger;
      stream.write(`${percent} % | ${acknowledged} messages | ${unsettled} unsettled\n`);
    },
    badLine(bad) {
      badLines += 1;
      if (badLines <= BAD_LINES_SHOWN) stream.write(`${describeBadLine(bad)}\n`);
    },
    stop: () => undefined,
  };
}

function describeBadLine({ line, reason }: BadLine): string {
  return `line ${line} is left out: ${reason}`;
}
