import type { Queue, RedriveReport } from '@holdfast/sync-queue';

interface Run {
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** What `redrive --reason timeout --rate 50` does: counts, then goes slowly, tells how far it is, and can be stopped. */
export async function redriveTimeouts(
  { dead }: Pick<Queue<unknown>, 'dead'>,
  { signal, log }: Run,
): Promise<RedriveReport> {
  const filter = { reason: 'timeout' };
  const { matched } = await dead.redrive({ filter, dryRun: true });
  log(`${matched} letters`);

  return dead.redrive({
    filter,
    perSecond: 50,
    signal,
    onProgress: ({ looked, total, redriven, full }) =>
      log(`${looked} of ${total}: ${redriven} redriven, ${full} found no room`),
  });
}
