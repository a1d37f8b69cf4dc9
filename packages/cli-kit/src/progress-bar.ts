import cliProgress from 'cli-progress';

/** How far something has come, on one line of a terminal. Nothing is written where the stream is none. */
export interface ProgressBar<Progress> {
  readonly show: (progress: Progress) => void;
  /** Clears the line; whatever is written next stands in its place. */
  readonly end: () => void;
}

export interface ProgressBarOptions<Progress> {
  readonly stream: NodeJS.WritableStream;
  readonly read: (progress: Progress) => { readonly done: number; readonly total: number };
  /** `drawn` is the bar, `percent` a whole number. */
  readonly text: (
    progress: Progress,
    bar: { readonly drawn: string; readonly percent: number },
  ) => string;
}

const BAR_WIDTH = 24;

export function createProgressBar<Progress>({
  stream,
  read,
  text,
}: ProgressBarOptions<Progress>): ProgressBar<Progress> {
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
    format: (options, { progress: share }, { shown }: { readonly shown: Progress }) =>
      text(shown, {
        drawn: Format.BarFormat(share, options),
        percent: Math.floor(share * 100),
      }),
  });
  return {
    show(progress) {
      const { done, total } = read(progress);
      if (!bar.isActive) bar.start(total, done, { shown: progress });
      bar.setTotal(total);
      bar.update(done, { shown: progress });
    },
    end: () => bar.stop(),
  };
}
