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

const ID_LENGTH = 19;

/** What the enqueue script gets of an item besides its payload: the priority where that is all. */
export function headOf(item: NewItem, isSampling: boolean): number | object {
  const { priority, delayMs, key, idempotencyKey, coalesce, draw } = item;
  const isPlain =
    delayMs <= 0 && key === undefined && idempotencyKey === undefined && coalesce === undefined;
  if (isPlain && !isSampling) return priority;
  return {
    p: priority,
    ...(delayMs > 0 && { d: Math.ceil(delayMs) }),
    k: key,
    i: idempotencyKey,
    c: coalesce?.key,
    m: coalesce?.mode,
    v: coalesce?.revision,
    ...(isSampling && { u: draw }),
  };
}

export type EnqueueReplyOnWire = readonly [
  count: number,
  bytes: number,
  evicted: number,
  /** Ids alone come in one piece. */
  verdicts: Buffer | readonly VerdictOnWire[],
];

type VerdictOnWire = Buffer | readonly [revision: number, payload: Buffer];

export function readEnqueueReply(reply: EnqueueReplyOnWire): EnqueueReply {
  const [count, bytes, evicted, verdicts] = reply;
  return {
    count,
    bytes,
    evicted,
    verdicts: Buffer.isBuffer(verdicts) ? idsIn(verdicts).map(accepted) : verdicts.map(readVerdict),
  };
}

function accepted(id: string): EnqueueVerdict {
  return { status: 'accepted', id, sampleRate: 1 };
}

function readVerdict(verdict: VerdictOnWire): EnqueueVerdict {
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
    case 'F':
      return { status: 'full', isReplacing: true };
    default: {
      const [id = '', rate = '1'] = text.split(':');
      return { status: 'accepted', id, sampleRate: Number(rate) };
    }
  }
}

export type ClaimReply = readonly [
  nextMs: number,
  died: readonly (Buffer | number)[],
  ids: Buffer,
  /** Of those that were delivered before: position from 1, attempt, tries. */
  numbers: readonly number[],
  /** Numbers between commas. */
  sizes: Buffer,
  /** In one piece. */
  payloads: Buffer,
  /** Of those that have a key or were sampled: position from 1, sample rate, whether it has a key, key. */
  extras: readonly (Buffer | number)[],
];

export function readClaim(reply: ClaimReply): Claim {
  const [nextMs, died, ids, numbers, sizes, payloads, extras] = reply;
  return {
    nextInMs: nextMs < 0 ? undefined : nextMs,
    died: inGroups(died, 2).map(([id, attempt]): Lease => {
      return { id: String(id), attempt: Number(attempt) };
    }),
    items: readClaimed(idsIn(ids), {
      numbers: new Map(inGroups(numbers, 3).map(([position, ...rest]) => [position, rest])),
      payloads: cut(payloads, numbersIn(sizes)),
      extras: new Map(inGroups(extras, 4).map(([position, ...rest]) => [Number(position), rest])),
    }),
  };
}

function readClaimed(
  ids: readonly string[],
  facts: {
    readonly numbers: ReadonlyMap<number | undefined, readonly number[]>;
    readonly payloads: readonly Buffer[];
    readonly extras: ReadonlyMap<number, readonly (Buffer | number)[]>;
  },
): ClaimedItem[] {
  return ids.map((id, index): ClaimedItem => {
    const [sampleRate, hasKey, key] = facts.extras.get(index + 1) ?? [];
    const [attempt = 1, tries = 1] = facts.numbers.get(index + 1) ?? [];
    const { enqueuedAtMs, priority } = factsOf(id);
    return {
      id,
      attempt,
      tries,
      payload: bytesOf(facts.payloads[index]),
      priority,
      key: hasKey === 1 ? String(key) : undefined,
      enqueuedAtMs,
      sampleRate: sampleRate === undefined ? 1 : Number(String(sampleRate)),
    };
  });
}

/** Whether it has the form of an id that a script has given; what has not is held by nobody. */
export function isId(id: string): boolean {
  return /^[0-9a-f]{18}[0-7a-h]$/.test(id);
}

function idsIn(all: Buffer): string[] {
  const text = all.toString('latin1');
  const ids: string[] = [];
  for (let at = 0; at < text.length; at += ID_LENGTH) ids.push(text.slice(at, at + ID_LENGTH));
  return ids;
}

function numbersIn(list: Buffer): number[] {
  return list.length === 0 ? [] : list.toString('latin1').split(',').map(Number);
}

function cut(all: Buffer, sizes: readonly number[]): Buffer[] {
  let at = 0;
  return sizes.map((size) => all.subarray(at, (at += size)));
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
  readyByPriority: readonly number[],
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
    readyByPriority: reply[15] as readonly number[],
    oldestReadyMs: oldestMs < 0 ? undefined : oldestMs,
    dropped: { evicted, deadOverflow, deadExpired },
    paused,
  };
}

/** What an id says by itself. */
function factsOf(id: string | Buffer | number | undefined): {
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
