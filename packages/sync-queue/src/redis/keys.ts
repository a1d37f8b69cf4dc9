/**
 * The keys of one queue, all in one slot of a cluster; every script gets all of them, in this order:
 *
 * 1. `state`   HASH  `n`, `b`: items and their bytes; `dn`, `db`: those of the dead; `seq`, `at`: parts of
 *                    the last id; `tat`: when the bucket of the rate is full; `ev`, `do`, `dx`: what was dropped; `p`:
 *                    paused; `pp`: paused priorities; `sh`: the number of shards, the same in each, ` incoming` behind it
 *                    while the shard is closed; `ep`: the epoch in which it was written; in shard 0, `to`: the number for
 *                    which that epoch was begun; `cfg`: the settings, for operators
 * 2. `items`   HASH  id → payload
 * 3. `extras`  HASH  id → MessagePack of key, coalescing key, sample rate, revision, due; `~` + coalescing key → id;
 *                    `!` + id → why it is dead
 * 4. `tries`   HASH  id → the last attempt whose lease ended without an acknowledgement; `r` + id → the attempt after which
 *                    it was redriven
 * 5. `active`  HASH  key → how many of its items are ready, delayed or leased
 * 6. `waiting` ZSET  key, NUL, id, all with score 0: what waits behind its key, in the order of ids
 * 7. `leased`  ZSET  id, `:`, attempt, score: end of the lease, ms; so whoever has another attempt holds nothing
 * 8. `delayed` ZSET  id, score: due, ms
 * 9. `known`   HASH  idempotency key → id
 * 10. `knownUntil` ZSET  idempotency key, score: end of its window, ms
 * 11. `dead`   ZSET  id, score: died at, ms
 * 12. `stopped` HASH  key → `paused`, or the id of the dead item that halts it
 * 13. `news`   LIST  a token for each consumer that is to be woken, at most 16
 * 14.–21. `ready0` … `ready7` LIST  ids in the order of their delivery, one list a priority
 *
 * An id is 12 hexadecimal digits of its birth in ms, 6 of the sequence, and one for its priority: `0` to `7`, or `a` to `h`
 * when it has extras. So ids sort by birth, and equal scores keep that order. What stands in a list is an id, or, for what
 * came back, 12 digits of the time at which it became ready and the id.
 *
 * Time is the server's (TIME), so that clocks of producers and consumers do not matter. When that one is set back, ids go on
 * from the last one.
 */
const NAMES = [
  ...['state', 'items', 'extras', 'tries', 'active', 'waiting', 'leased', 'delayed', 'known'],
  ...['knownUntil', 'dead', 'stopped', 'news'],
  ...['ready0', 'ready1', 'ready2', 'ready3', 'ready4', 'ready5', 'ready6', 'ready7'],
] as const;

/** Where the keys of one queue, or of one shard of it, are. */
export interface RedisPlace {
  readonly prefix: string;
  readonly name: string;
  /** 0, the first, is where the whole of a queue without further shards is. */
  readonly shard: number;
}

/**
 * The braces make the part inside them the hash tag: one slot for all keys of a shard. The length tells where the prefix
 * ends, for it and the queue's name may hold colons; only the tag of a further shard begins with a letter.
 */
export function keysOf({ prefix, name, shard }: RedisPlace): string[] {
  const rest = `${prefix.length}:${prefix}:${name}`;
  const tag = shard === 0 ? `{${rest}}` : `{s${shard}:${rest}}`;
  return NAMES.map((each) => `${tag}:${each}`);
}

/** SET  the names of the queues of a prefix; no key of a queue begins so. */
export function namesKey(prefix: string): string {
  return `{${prefix.length}:${prefix}}:queues`;
}

/** Where the counts lie, and what is recorded of the queue. */
export function stateKey(place: RedisPlace): string {
  return keysOf(place)[NAMES.indexOf('state')] ?? '';
}

/** What tells whether a shard holds anything: state, knownUntil, stopped. */
export function agreementKeys(place: RedisPlace): string[] {
  const keys = keysOf(place);
  const names = ['state', 'knownUntil', 'stopped'] as const;
  return names.map((name) => keys[NAMES.indexOf(name)] ?? '');
}

/** The fields of `state` with the settings and the number of shards. */
export const SETTINGS_FIELD = 'cfg';
export const SHARDS_FIELD = 'sh';

/** Where the tokens lie that wake consumers. */
export const NEWS_INDEX = NAMES.indexOf('news');
