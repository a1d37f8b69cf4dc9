import type { DeadPage, StoredDead } from '../store.ts';
import { idIn, placeOfId } from './shard-of.ts';

/** Behind every id of a shard. */
const LAST_ID = '~';

/** Where the page of one shard begins when the page of the queue begins behind the letter `after`. */
export function pageOfShard(
  after: string | undefined,
  { shard, shards }: { readonly shard: number; readonly shards: number },
): string | undefined {
  if (after === undefined) return undefined;
  const [diedAtMs = '', id = ''] = after.split(':');
  const last = placeOfId(id, shards);
  // Of letters of one time those of the first shard come first.
  if (last === undefined || shard > last.shard) return `${diedAtMs}:`;
  return `${diedAtMs}:${shard === last.shard ? last.id : LAST_ID}`;
}

/** The oldest letters of all shards; each page begins at the place that `pageOfShard` gives. */
export function mergeDead(pages: readonly DeadPage[], limit: number): DeadPage {
  const all = pages.flatMap(({ letters }, shard) =>
    letters.map((letter): StoredDead => ({ ...letter, id: idIn(shard, letter.id) })),
  );
  // Stable, so letters of one time stay in the order of their shards.
  all.sort((one, other) => one.diedAtMs - other.diedAtMs);
  const letters = all.slice(0, limit);
  const last = letters.at(-1);
  const hasMore = all.length > limit || pages.some(({ next }) => next !== undefined);
  return {
    letters,
    next: hasMore && last !== undefined ? `${last.diedAtMs}:${last.id}` : undefined,
  };
}
