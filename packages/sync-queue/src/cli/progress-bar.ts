import { createProgressBar as createBar, type ProgressBar } from '@holdfast/cli-kit';
import type { RedriveProgress } from '../dead-letter.ts';

/** How many of the dead letters were looked at. */
export function createProgressBar(
  stream: NodeJS.WritableStream,
  what: 'counting' | 'redriving',
): ProgressBar<RedriveProgress> {
  return createBar<RedriveProgress>({
    stream,
    read: ({ looked, total }) => ({ done: looked, total }),
    text({ looked, total, matched, redriven }, { drawn, percent }) {
      const found = what === 'counting' ? `${matched} match` : `${redriven} redriven`;
      return `${drawn} ${percent} %, ${looked} of ${total}, ${found}`;
    },
  });
}
