import type {
  Claim,
  ClaimedItem,
  DeadPage,
  EnqueueReply,
  EnqueueVerdict,
  Lease,
  NewItem,
  PauseTarget,
  Priority,
  StoredDead,
  StoreStats,
} from '../store.ts';

/** What the enqueue script gets of an item besides its payload: the digit of its priority where that is all. */
export function headOf(item: NewItem, isSampling: boolean): string {
  const { priority, delayMs, key, idempotencyKey, coalesce, draw } = item;
  const isPlain =
    delayMs <= 0 && key === undefined && idempotencyKey === undefined && coalesce === undefined;
  if (isPlain && !isSampling) return String(priority);
  return JSON.stringify({
    p: priority,
    ...(delayMs > 0 && { d: Math.ceil(delayMs) }),
    k: key,
    i: idempotencyKey,
    c: coalesce?.key,
    m: coalesce?.mode,
    v: coalesce?.revision,
    ...(isSampling && { u: draw }),
  });
}

export type EnqueueReplyOnWire = readonly [
  count: number,
  bytes: number,
  evicted: number,
  verdicts: readonly (Buffer | readonly [revision: number, payload: Buffer])[],
];

export function readEnqueueReply(reply: EnqueueReplyOnWire): EnqueueReply {
  const [count, bytes, evicted, verdicts] = reply;
  return { count, bytes, evicted, verdicts: verdicts.map(readVerdict) };
}

function readVerdict(verdict: EnqueueReplyOnWire[3][number]): EnqueueVerdict {
  if (!Buffer.isBuffer(verdict)) {
    const [revision, payload] = verdict as readonly [number, Buffer];
    return { status: 'fold', held: { revision, payload } };
  }
  const text = verdict.toString('latin1');
  const rest = text.slice(1);
  switch (text[0]) {
    case 'd':
      return { status: 'duplicate', id: rest };
    case 'c':
      return { status: 'coalesced', id: rest };
    case 's':
      return { status: 'sampled-out', sampleRate: Number(rest) };
    case 'g':
      return { status: 'fold', held: undefined };
    case 'f':
      return { status: 'full' };
    default: {
      const [id = '', rate = '1'] = text.split(':');
      return { status: 'accepted', id, sampleRate: Number(rate) };
    }
  }
}

export type ClaimReply = readonly [
  nextMs: number,
  died: readonly (Buffer | number)[],
  claimed: readonly (Buffer | number)[],
];

export function readClaim([nextMs, died, claimed]: ClaimReply): Claim {
  return {
    nextInMs: nextMs < 0 ? undefined : nextMs,
    died: inGroups(died, 2).map(([id, attempt]): Lease => {
      return { id: String(id), attempt: Number(attempt) };
    }),
    items: inGroups(claimed, 7).map(readClaimed),
  };
}

function readClaimed(fields: readonly (Buffer | number)[]): ClaimedItem {
  const [id, attempt, tries, payload, sampleRate, hasKey, key] = fields;
  return {
    ...factsOf(id),
    attempt: Number(attempt),
    tries: Number(tries),
    payload: bytesOf(payload),
    sampleRate: Number(String(sampleRate)),
    key: hasKey === 1 ? String(key) : undefined,
  };
}

/** `reply` may hold one letter more than `limit`: there is a next page then. */
export function readDeadPage(reply: readonly (Buffer | number)[], limit: number): DeadPage {
  const letters = inGroups(reply, 7).map((fields): StoredDead => {
    const [id, attempt, diedAtMs, payload, reason, hasKey, key] = fields;
    return {
      ...factsOf(id),
      attempt: Number(attempt),
      diedAtMs: Number(diedAtMs),
      payload: bytesOf(payload),
      reason: String(reason),
      key: hasKey === 1 ? String(key) : undefined,
    };
  });
  const page = letters.slice(0, limit);
  const last = page.at(-1);
  const hasMore = letters.length > limit && last !== undefined;
  return { letters: page, next: hasMore ? `${last.diedAtMs}:${last.id}` : undefined };
}

export type StatsReply = readonly [
  ...numbers: number[],
  isPaused: number,
  pausedPriorities: Buffer,
  stoppedKeys: readonly Buffer[],
];

export function readStats(reply: StatsReply): StoreStats {
  const numbers = reply.slice(0, 13).map(Number);
  const [ready = 0, delayed = 0, leased = 0, waiting = 0, count = 0, bytes = 0] = numbers;
  const [oldestMs = -1, dead = 0, deadBytes = 0, evicted = 0] = numbers.slice(6);
  const [deadOverflow = 0, deadExpired = 0, isPaused = 0] = numbers.slice(10);
  const paused: PauseTarget[] = isPaused === 1 ? [{ kind: 'queue' }] : [];
  for (const priority of String(reply[13])) {
    paused.push({ kind: 'priority', priority: Number(priority) as Priority });
  }
  for (const key of reply[14] as readonly Buffer[]) paused.push({ kind: 'key', key: String(key) });
  return {
    ...{ ready, delayed, leased, waiting, count, bytes, dead, deadBytes },
    oldestReadyMs: oldestMs < 0 ? undefined : oldestMs,
    dropped: { evicted, deadOverflow, deadExpired },
    paused,
  };
}

/** What an id says by itself. */
function factsOf(id: Buffer | number | undefined): {
  readonly id: string;
  readonly enqueuedAtMs: number;
  readonly priority: Priority;
} {
  const text = String(id);
  const letter = text.charCodeAt(18);
  return {
    id: text,
    enqueuedAtMs: Number.parseInt(text.slice(0, 12), 16),
    priority: (letter >= 97 ? letter - 97 : letter - 48) as Priority,
  };
}

function bytesOf(payload: Buffer | number | undefined): Uint8Array {
  return Buffer.isBuffer(payload) ? payload : Buffer.alloc(0);
}

function inGroups<T>(values: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < values.length; start += size) {
    groups.push(values.slice(start, start + size));
  }
  return groups;
}
