import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { ProgramContext } from './run-program.ts';

/** Asks whether to go on; false, too, when `signal` aborts meanwhile or the input ends. */
export async function isConfirmed({
  stdin,
  stderr,
  signal,
}: Pick<ProgramContext, 'stdin' | 'stderr'> & { readonly signal: AbortSignal }): Promise<boolean> {
  // As no terminal: Ctrl-C then is a signal to the program, as at any other moment.
  const asking = createInterface({ input: stdin, output: stderr, terminal: false });
  // Ctrl-D ends the input, and the question is never answered.
  const ended = once(asking, 'close').then(() => '');
  try {
    const answer = await Promise.race([asking.question('Go on? [y/N] ', { signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!signal.aborted) throw error;
    return false;
  } finally {
    asking.close();
  }
}
