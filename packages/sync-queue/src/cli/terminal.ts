import type { ProgramContext } from '@holdfast/cli-kit';

/** Where questions, answers and results go. Progress is drawn on `stderr` only if it is a terminal. */
export interface Terminal extends Pick<
  ProgramContext,
  'print' | 'stdin' | 'stderr' | 'isInteractive'
> {
  readonly signal: AbortSignal;
}

/** 0: done. 1: not to the end. 2: nothing was done. 130: told to stop. */
export type ExitCode = 0 | 1 | 2 | 130;
