import { createListeners, systemClock, type Clock } from '@holdfast/internal';
import type { QueuedMessage } from './intake.ts';
import { judgeValue, type ValueRejection } from './judge-value.ts';
import type { NodeRegistry } from './node-registry.ts';
import { formatTimestamp } from './timestamp.ts';
import type { RejectedValueRow, SampleRow, TelemetryWriters } from './writers.ts';
import { parseHello, parseTelemetry, type Telemetry } from './wire.ts';

/** One leased message, by the queue's shape. */
interface Leased {
  readonly id: string;
  readonly value: QueuedMessage;
}

export type Outcome =
  | { readonly id: string; readonly status: 'ack' }
  | {
      readonly id: string;
      readonly status: 'retry';
      readonly afterMs: number;
      readonly error: Error;
    }
  | { readonly id: string; readonly status: 'dead'; readonly reason: string };

export interface IngestEvents {
  /** Every sample of the message is stored, or was stored before, or is in the table of the rejected. */
  readonly settled: { readonly uid: string; readonly seq: number; readonly values: number };
  readonly registered: { readonly uid: string; readonly created: boolean };
  readonly rejected: {
    readonly uid: string;
    readonly metric: string;
    readonly reason: ValueRejection;
  };
  /** The message itself cannot be read: it goes to the dead letters. */
  readonly malformed: { readonly uid: string; readonly reason: string };
  /** No hello was seen from the node so far: the message is offered again later. */
  readonly unknownNode: { readonly uid: string };
}

export interface Ingest {
  on<K extends keyof IngestEvents>(
    event: K,
    listener: (payload: IngestEvents[K]) => void,
  ): () => void;
  /** Handles one leased batch; what it answers is settled in the queue. */
  handle(
    batch: readonly Leased[],
    context: { readonly signal: AbortSignal },
  ): Promise<readonly Outcome[]>;
}

/** A hello may be in another instance's batch that is not committed yet: so telemetry waits for it, some seconds. */
const UNKNOWN_NODE_RETRY_MS = 250;
const UNKNOWN_NODE_GRACE_MS = 10_000;

/** Turns leased messages into registered nodes and stored samples; a message is acknowledged only after both. */
export function createIngest(options: {
  readonly registry: NodeRegistry;
  readonly writers: TelemetryWriters;
  readonly clock?: Clock;
}): Ingest {
  const { registry, writers, clock = systemClock } = options;
  const listeners = createListeners<IngestEvents>({
    ...{ settled: true, registered: true, rejected: true, malformed: true, unknownNode: true },
  });

  /**
   * Message → when its node was first found unknown. Not the queue's attempts: those count what the database was away
   * for as well. Holds what the queue holds at most; a restart begins the grace anew.
   */
  const unknownSince = new Map<string, number>();

  const awaitHello = (id: string, uid: string): Outcome => {
    const reason = `no hello from node ${uid}`;
    const since = unknownSince.get(id) ?? clock.now();
    if (clock.now() - since >= UNKNOWN_NODE_GRACE_MS) {
      unknownSince.delete(id);
      return { id, status: 'dead', reason };
    }
    unknownSince.set(id, since);
    return { id, status: 'retry', afterMs: UNKNOWN_NODE_RETRY_MS, error: new Error(reason) };
  };

  const readAll = (batch: readonly Leased[]): { parsed: Parsed; outcomes: Outcome[] } => {
    const parsed: Parsed = { hellos: [], telemetry: [] };
    const outcomes: Outcome[] = [];
    for (const { id, value } of batch) {
      const { uid, kind, body } = value;
      try {
        if (kind === 'hello') parsed.hellos.push({ id, uid, zone: parseHello(body).zone });
        else parsed.telemetry.push({ id, uid, message: parseTelemetry(body) });
      } catch (error) {
        const reason = `malformed ${kind}: ${error instanceof Error ? error.message : String(error)}`;
        listeners.emit('malformed', { uid, reason });
        outcomes.push({ id, status: 'dead', reason });
      }
    }
    return { parsed, outcomes };
  };

  const register = async (hellos: Parsed['hellos'], outcomes: Outcome[]): Promise<void> => {
    for (const { uid, created } of await registry.register(hellos)) {
      listeners.emit('registered', { uid, created });
    }
    for (const { id } of hellos) outcomes.push({ id, status: 'ack' });
  };

  const store = async (
    telemetry: Parsed['telemetry'],
    outcomes: Outcome[],
    signal: AbortSignal,
  ): Promise<void> => {
    const ids = await registry.resolve(new Set(telemetry.map(({ uid }) => uid)));
    const rows = splitRows(telemetry, ids);
    const written = Promise.all(
      rows.samples.map((row) => writers.samples.writeAndWait(row, { signal })),
    );
    // Without waiting for company.
    const [results] = await Promise.all([written, writers.samples.flush({ signal })]);
    // After the samples, and without those that the database has refused: the latest value is always one that is stored.
    const stored = rows.samples.filter((_row, index) => results[index]?.status !== 'rejected');
    await writers.last.writeMany(stored, { signal });
    await writers.rejected.writeMany(rows.rejected, { signal });
    await Promise.all([writers.last.flush({ signal }), writers.rejected.flush({ signal })]);
    // Only now: what is announced is in the database, and a batch that is retried announces nothing twice.
    for (const { uid, metric, reason } of rows.rejections) {
      listeners.emit('rejected', { uid, metric, reason });
    }
    for (const { id, uid, message } of telemetry) {
      if (ids.has(uid)) {
        unknownSince.delete(id);
        outcomes.push({ id, status: 'ack' });
        const values = Object.keys(message.values).length;
        listeners.emit('settled', { uid, seq: message.seq, values });
      } else {
        listeners.emit('unknownNode', { uid });
        outcomes.push(awaitHello(id, uid));
      }
    }
  };

  return {
    on: (event, listener) => listeners.on(event, listener),
    async handle(batch, { signal }) {
      const { parsed, outcomes } = readAll(batch);
      // Hellos first: the same batch may hold the first telemetry of the same node.
      await register(parsed.hellos, outcomes);
      await store(parsed.telemetry, outcomes, signal);
      return outcomes;
    },
  };
}

interface Parsed {
  readonly hellos: { readonly id: string; readonly uid: string; readonly zone: string }[];
  readonly telemetry: {
    readonly id: string;
    readonly uid: string;
    readonly message: Telemetry;
  }[];
}

interface SplitRows {
  readonly samples: SampleRow[];
  readonly rejected: RejectedValueRow[];
  readonly rejections: {
    readonly uid: string;
    readonly metric: string;
    readonly reason: ValueRejection;
  }[];
}

function splitRows(telemetry: Parsed['telemetry'], ids: ReadonlyMap<string, string>): SplitRows {
  const rows: SplitRows = { samples: [], rejected: [], rejections: [] };
  for (const { uid, message } of telemetry) {
    const nodeId = ids.get(uid);
    if (nodeId === undefined) continue;
    const ts = formatTimestamp(message.ts);
    for (const [metric, raw] of Object.entries(message.values)) {
      const key = { node_id: nodeId, metric, ts };
      const verdict = judgeValue(raw);
      if (verdict.ok) {
        rows.samples.push({ ...key, value: verdict.value });
      } else {
        const { reason } = verdict;
        rows.rejected.push({ ...key, reason, raw: excerpt(raw) });
        rows.rejections.push({ uid, metric, reason });
      }
    }
  }
  return rows;
}

/** Enough of a rejected value to recognise it. */
function excerpt(raw: unknown): string | null {
  return raw === null ? null : JSON.stringify(raw).slice(0, 200);
}
