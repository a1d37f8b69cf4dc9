import {
  PRIORITY_COUNT,
  type Claim,
  type ClaimedItem,
  type DeadPage,
  type EnqueueReply,
  type EnqueueVerdict,
  type Lease,
  type PauseTarget,
  type Priority,
  type StoredDead,
  type StoreStats,
} from '../store.ts';
import type { ClaimOutcome } from './claim-hints.ts';

/** A bigint: the driver gives it as text, unless the application has told it otherwise. */
type Big = string | number | bigint;

export interface EnqueueRow {
  readonly o_letters: string;
  readonly o_ids: readonly Big[];
  readonly o_rates: readonly number[] | null;
  readonly o_revisions: readonly (number | null)[] | null;
  readonly o_payloads: readonly (Uint8Array | null)[] | null;
  readonly o_count: Big;
  readonly o_bytes: Big;
  readonly o_evicted: number;
  readonly o_now: Big;
  readonly o_is_news: boolean;
}

export function readEnqueueReply(row: EnqueueRow): EnqueueReply {
  return {
    verdicts: Array.from(row.o_letters, (letter, index) => readVerdict(row, letter, index)),
    count: Number(row.o_count),
    bytes: Number(row.o_bytes),
    evicted: row.o_evicted,
  };
}

function readVerdict(row: EnqueueRow, letter: string, index: number): EnqueueVerdict {
  const id = String(row.o_ids[index]);
  const sampleRate = row.o_rates?.[index] ?? 1;
  switch (letter) {
    case 'a':
      return { status: 'accepted', id, sampleRate };
    case 'd':
      return { status: 'duplicate', id };
    case 'c':
      return { status: 'coalesced', id };
    case 's':
      return { status: 'sampled-out', sampleRate };
    case 'g':
      return { status: 'fold', held: undefined };
    case 'f':
      return {
        status: 'fold',
        held: {
          revision: row.o_revisions?.[index] ?? 0,
          payload: row.o_payloads?.[index] ?? new Uint8Array(),
        },
      };
    case 'y':
      return { status: 'full', isReplacing: true };
    default:
      return { status: 'full' };
  }
}

export interface ClaimRow {
  readonly o_kind: 'item' | 'died' | 'end';
  readonly o_id: Big;
  readonly o_attempt: number;
  readonly o_tries: number;
  readonly o_priority: number;
  readonly o_key: string | null;
  readonly o_enqueued_us: Big | null;
  readonly o_sample_rate: number;
  readonly o_ready_us: Big | null;
  readonly o_payload: Uint8Array;
}

/** In the order of the queue: rows come in that of their priorities. */
export function readClaim(
  rows: readonly ClaimRow[],
  agingMs: number,
): { readonly claim: Claim; readonly outcome: ClaimOutcome } {
  const died: Lease[] = [];
  const found: { readonly item: ClaimedItem; readonly readyUs: number; readonly turn: number }[] =
    [];
  let end: ClaimRow | undefined;
  for (const row of rows) {
    if (row.o_kind === 'end') end = row;
    else if (row.o_kind === 'died') died.push({ id: String(row.o_id), attempt: row.o_attempt });
    else found.push(readFound(row, agingMs));
  }
  found.sort(
    (one, other) =>
      one.turn - other.turn ||
      one.item.priority - other.item.priority ||
      one.readyUs - other.readyUs ||
      Number(one.item.id) - Number(other.item.id),
  );
  const nowUs = Number(end?.o_id ?? 0);
  const nextUs = end?.o_ready_us ?? null;
  return {
    claim: {
      items: found.map(({ item }) => item),
      died,
      nextInMs: nextUs === null ? undefined : Math.max(0, (Number(nextUs) - nowUs) / 1000),
    },
    outcome: {
      nowUs,
      claimed: found.map(({ item, readyUs }) => ({ priority: item.priority, readyUs })),
      isDueComplete: end?.o_attempt === 1,
      isEmptied: end?.o_tries === 1,
      oldestUs:
        end === undefined || end.o_enqueued_us === null ? undefined : Number(end.o_enqueued_us),
    },
  };
}

function readFound(
  row: ClaimRow,
  agingMs: number,
): { readonly item: ClaimedItem; readonly readyUs: number; readonly turn: number } {
  const priority = row.o_priority as Priority;
  const readyUs = Number(row.o_ready_us);
  return {
    item: {
      id: String(row.o_id),
      attempt: row.o_attempt,
      tries: row.o_tries,
      payload: row.o_payload,
      priority,
      key: row.o_key ?? undefined,
      enqueuedAtMs: Math.floor(Number(row.o_enqueued_us) / 1000),
      sampleRate: row.o_sample_rate,
    },
    readyUs,
    turn: agingMs === Infinity ? priority : readyUs + priority * agingMs * 1000,
  };
}

export interface StatsRow {
  readonly is_paused: boolean;
  readonly paused_priorities: readonly number[];
  readonly stopped: readonly string[];
  readonly oldest_us: Big | null;
  readonly ready_by_priority: readonly Big[];
  readonly delayed: Big;
  readonly waiting: Big;
  readonly leased: Big;
  readonly count: Big;
  readonly bytes: Big;
  readonly dead: Big;
  readonly dead_bytes: Big;
  readonly evicted: Big;
  readonly overflowed: Big;
  readonly expired: Big;
}

/** Of a queue that was never used. */
const NOTHING_READY: readonly number[] = Array.from({ length: PRIORITY_COUNT }, () => 0);

export function readStats(row: StatsRow | undefined): StoreStats {
  const oldestUs = row?.oldest_us ?? null;
  const readyByPriority = (row?.ready_by_priority ?? NOTHING_READY).map(Number);
  return {
    ready: readyByPriority.reduce((sum, count) => sum + count),
    readyByPriority,
    delayed: Number(row?.delayed ?? 0),
    leased: Number(row?.leased ?? 0),
    waiting: Number(row?.waiting ?? 0),
    count: Number(row?.count ?? 0),
    bytes: Number(row?.bytes ?? 0),
    oldestReadyMs: oldestUs === null ? undefined : Math.max(0, Number(oldestUs) / 1000),
    dead: Number(row?.dead ?? 0),
    deadBytes: Number(row?.dead_bytes ?? 0),
    dropped: {
      evicted: Number(row?.evicted ?? 0),
      deadOverflow: Number(row?.overflowed ?? 0),
      deadExpired: Number(row?.expired ?? 0),
    },
    paused: row === undefined ? [] : pausedTargets(row),
  };
}

function pausedTargets(row: StatsRow): PauseTarget[] {
  return [
    ...(row.is_paused ? [{ kind: 'queue' as const }] : []),
    ...row.paused_priorities.map((priority) => {
      return { kind: 'priority' as const, priority: priority as Priority };
    }),
    ...row.stopped.map((key) => ({ kind: 'key' as const, key })),
  ];
}

export interface DeadRow {
  readonly id: Big;
  readonly attempt: number;
  readonly priority: number;
  readonly key: string | null;
  readonly reason: string;
  readonly enqueued_us: Big;
  readonly died_us: Big;
  readonly payload: Uint8Array;
}

/** `rows` may hold one letter more than `limit`: there is a next page then. */
export function readDeadPage(rows: readonly DeadRow[], limit: number): DeadPage {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    letters: page.map((row): StoredDead => {
      return {
        id: String(row.id),
        attempt: row.attempt,
        payload: row.payload,
        priority: row.priority as Priority,
        key: row.key ?? undefined,
        reason: row.reason,
        enqueuedAtMs: Math.floor(Number(row.enqueued_us) / 1000),
        diedAtMs: Math.floor(Number(row.died_us) / 1000),
      };
    }),
    next: rows.length > limit && last !== undefined ? `${last.died_us}:${last.id}` : undefined,
  };
}
