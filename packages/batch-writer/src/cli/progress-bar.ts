import cliProgress, { type Params } from 'cli-progress';
import type { DuplicatesProgress } from '../duplicates/duplicates.ts';

/** How far a clean-up has come, on one line of a terminal. Nothing is written where `stream` is none. */
export interface ProgressBar {
  readonly show: (progress: DuplicatesProgress) => void;
  /** Clears the line; whatever is written next stands in its place. */
  readonly end: () => void;
}

const BAR_WIDTH = 24;

export function createProgressBar(stream: NodeJS.WritableStream): ProgressBar {
  // CommonJS: Node.js finds the names of its exports only in part.
  const { Format, SingleBar } = cliProgress;
  const bar = new SingleBar({
    stream,
    barsize: BAR_WIDTH,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    // Cuts what is too long; the alternative leaves a terminal that does not wrap when the program is killed.
    linewrap: true,
    format: (options, params, payload: DuplicatesProgress) =>
      progressText(Format.BarFormat(params.progress, options), params, payload),
  });
  return {
    show(progress) {
      if (!bar.isActive) bar.start(progress.duplicates, progress.done, progress);
      bar.setTotal(progress.duplicates);
      bar.update(progress.done, progress);
    },
    end: () => bar.stop(),
  };
}

function progressText(
  drawn: string,
  { progress, value, total }: Params,
  { phase, attempt, etaMs }: DuplicatesProgress,
): string {
  const again = attempt === 1 ? '' : ` (attempt ${attempt})`;
  if (phase === 'scan') return `looking for duplicates${again} …`;
  if (phase === 'index') return `building the unique index${again} …`;
  const left = etaMs === undefined ? '' : `, ${Math.ceil(etaMs / 1000)} s left`;
  return `${drawn} ${Math.floor(progress * 100)} %, ${value} of ${total}${left}${again}`;
}
