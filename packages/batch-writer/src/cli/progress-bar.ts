import { createProgressBar as createBar, type ProgressBar } from '@holdfast/cli-kit';
import type { DuplicatesProgress } from '../duplicates/duplicates.ts';

/** How far a clean-up has come. */
export function createProgressBar(stream: NodeJS.WritableStream): ProgressBar<DuplicatesProgress> {
  return createBar<DuplicatesProgress>({
    stream,
    read: ({ done, duplicates }) => ({ done, total: duplicates }),
    text({ phase, attempt, done, duplicates, etaMs }, { drawn, percent }) {
      const again = attempt === 1 ? '' : ` (attempt ${attempt})`;
      if (phase === 'scan') return `looking for duplicates${again} …`;
      if (phase === 'index') return `building the unique index${again} …`;
      const left = etaMs === undefined ? '' : `, ${Math.ceil(etaMs / 1000)} s left`;
      return `${drawn} ${percent} %, ${done} of ${duplicates}${left}${again}`;
    },
  });
}
