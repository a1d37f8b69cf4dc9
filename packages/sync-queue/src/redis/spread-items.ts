import type { EnqueueReply, EnqueueVerdict, NewItem } from '../store.ts';
import { failureOf, settleCalls } from './settle-calls.ts';
import { routeOf, shardOf } from './shard-of.ts';

/** Adds items to one shard; the ids in the reply are those of the queue. */
export type AddToShard = (shard: number, items: readonly NewItem[]) => Promise<EnqueueReply>;

export interface SpreadReply {
  /** One for each item. */
  readonly verdicts: readonly EnqueueVerdict[];
  readonly evicted: number;
  /** The last reply of each shard that was asked. */
  readonly replies: ReadonlyMap<number, EnqueueReply>;
}

/**
 * Adds each item to the shard of its route. Those without one go together to the shard `first`, and what finds no room there
 * to the next ones in turn, so that they find the last place wherever it is.
 */
export async function spreadItems(
  items: readonly NewItem[],
  { shards, first, add }: { readonly shards: number; readonly first: number; add: AddToShard },
): Promise<SpreadReply> {
  const verdicts: EnqueueVerdict[] = [];
  const replies = new Map<number, EnqueueReply>();
  let evicted = 0;
  const addAt = async (shard: number, positions: readonly number[]): Promise<void> => {
    const given = positions.flatMap((position) => items[position] ?? []);
    const reply = await add(shard, given);
    replies.set(shard, reply);
    evicted += reply.evicted;
    positions.forEach((position, index) => {
      verdicts[position] = reply.verdicts[index] ?? { status: 'full' };
    });
  };

  const positionsByShard = new Map<number, number[]>();
  const homeless: number[] = [];
  items.forEach((item, position) => {
    const route = routeOf(item);
    const shard = route === undefined ? first : shardOf(route, shards);
    const positions = positionsByShard.get(shard) ?? [];
    positionsByShard.set(shard, positions);
    positions.push(position);
    if (route === undefined) homeless.push(position);
  });
  await settleCalls([...positionsByShard].map(([shard, positions]) => addAt(shard, positions)));
  for (let step = 1; step < shards; step += 1) {
    const refused = homeless.filter((position) => verdicts[position]?.status === 'full');
    if (refused.length === 0) break;
    try {
      await addAt((first + step) % shards, refused);
    } catch (error) {
      throw failureOf(
        [error],
        verdicts.some(({ status }) => status !== 'full'),
      );
    }
  }
  return { verdicts, evicted, replies };
}
