import { compare } from '../compare.ts';
import type { QueueSide, Sides } from './queue-side.ts';

/** What a message of the bench holds: about 90 bytes of JSON. */
const PAYLOAD = {
  device: 'greenhouse-7',
  at: 1_700_000_000_000,
  values: [21.5, 61.2, 400.1, 7.25],
};

export interface QueueWork {
  readonly name: string;
  readonly claim: string;
  readonly target: number;
  /** Whether the queue is filled before each round, or emptied. */
  readonly before: 'fill' | 'clear';
  readonly work: (side: QueueSide, count: number) => Promise<void>;
}

/** Both sides do the work in turn. */
export async function compareWork(
  { name, claim, target, before, work }: QueueWork,
  sides: Sides,
  {
    peer,
    count,
    rounds,
  }: { readonly peer: string; readonly count: number; readonly rounds: number },
): Promise<object> {
  const comparison = await compare(
    {
      claim: `${claim}, against ${peer}`,
      target,
      operations: count,
      ours: () => work(sides.ours, count),
      peer: () => work(sides.peer, count),
      async prepare(side) {
        await sides[side].clear();
        if (before === 'fill') await addInBulk(sides[side], count);
      },
      close: () => Promise.resolve(),
    },
    rounds,
  );
  return { name, ...comparison };
}

/** 64 callers, each of which adds one item after another. */
export async function addConcurrently(side: QueueSide, count: number): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while ((left -= 1) >= 0) await side.add(PAYLOAD);
  };
  await Promise.all(Array.from({ length: 64 }, lane));
}

export async function addInBulk(side: QueueSide, count: number): Promise<void> {
  for (let added = 0; added < count; added += 1000) {
    await side.addBulk(Array.from({ length: Math.min(1000, count - added) }, () => PAYLOAD));
  }
}
