import {
  createOutbox,
  createReceiver,
  memoryOutboxStore,
  memoryReceiptStore,
  type ApplyOutcome,
  type MemoryReceiptStore,
  type MemoryTransaction,
  type NewOp,
  type Op,
  type Outbox,
  type OutboxEvents,
  type OutboxOptions,
  type PushRequest,
  type Receiver,
  type RequestVerdict,
  type TicketEnd,
} from '@holdfast/sync-queue';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { applyOp } from '../../src/outbox/apply-op.ts';

export interface ServerDoc {
  readonly version: number;
  readonly doc: Readonly<Record<string, unknown>> | undefined;
  readonly at: string;
}

export const keyOf = (entity: string, id: string): string => `${entity}/${id}`;

/** A server with versioned documents: an edit that is not based on the present version is a conflict. */
export function applyVersioned(op: Op, tx: MemoryTransaction): ApplyOutcome {
  const key = keyOf(op.entity, op.id);
  const current = tx.get(key) as ServerDoc | undefined;
  const { version } = op.base ?? {};
  const isThere = current?.doc !== undefined;
  const isStale =
    (version !== undefined && version !== String(current?.version ?? 0)) ||
    (op.kind === 'insert' && isThere) ||
    (op.kind === 'patch' && !isThere);
  if (current !== undefined && isStale) {
    const theirs = current.doc ?? null;
    return { status: 'conflict', theirs, version: String(current.version), at: current.at };
  }
  const doc = applyOp(current?.doc, op);
  const next = { version: (current?.version ?? 0) + 1, doc, at: op.at };
  tx.set(key, next);
  return { status: 'applied', version: String(next.version) };
}

export type Link = 'up' | 'offline' | 'auth' | 'portal' | RequestVerdict;

export interface Bench {
  readonly clock: FakeClock;
  readonly outbox: Outbox;
  readonly server: MemoryReceiptStore;
  readonly receiver: Receiver;
  /** What reached the server. */
  readonly requests: PushRequest[];
  readonly events: [keyof OutboxEvents, unknown][];
  readonly ends: Map<string, TicketEnd>;
  /** How the way to the server is. */
  link: Link;
  /** Once: the server works, its answer is lost. */
  losesAnswer: boolean;
  readonly docOf: (id: string) => unknown;
}

const EVENTS: (keyof OutboxEvents)[] = [
  'settled',
  'conflict',
  'stalled',
  'link',
  'pushFailed',
  'storeError',
];

/** An outbox of notes on a fake clock, and the server that it talks to. */
export function setUp(
  options: Partial<OutboxOptions> = {},
  apply: (op: Op, tx: MemoryTransaction) => ApplyOutcome = applyVersioned,
): Bench {
  const clock = createFakeClock();
  const server = memoryReceiptStore({ clock });
  const receiver = createReceiver<MemoryTransaction>({
    store: server,
    apply: async (op, { tx }) => apply(op, tx),
    clock,
  });
  const requests: PushRequest[] = [];
  const events: [keyof OutboxEvents, unknown][] = [];
  const ends = new Map<string, TicketEnd>();
  const outbox = createOutbox({
    store: memoryOutboxStore(),
    clientId: 'client',
    limits: { maxCount: 100_000, maxBytes: 100_000_000 },
    clock,
    random: () => 0.5,
    async push(request) {
      switch (bench.link) {
        case 'offline':
          throw new Error('no network');
        case 'auth':
          return { status: 'auth' };
        case 'portal':
          return '<html>Welcome</html>' as never;
        case 'up': {
          requests.push(JSON.parse(JSON.stringify(request)) as PushRequest);
          const reply = await receiver.receive(request);
          if (!bench.losesAnswer) return reply;
          bench.losesAnswer = false;
          throw new Error('the answer is lost');
        }
        default:
          return bench.link;
      }
    },
    ...options,
  });
  for (const name of EVENTS) outbox.on(name, (payload) => void events.push([name, payload]));
  outbox.on('settled', ({ id, end }) => void ends.set(id, end));
  const bench: Bench = {
    ...{ clock, outbox, server, receiver, requests, events, ends, link: 'up', losesAnswer: false },
    docOf: (id) => (server.values.get(keyOf('note', id)) as ServerDoc | undefined)?.doc,
  };
  return bench;
}

export const insert = (id: string, doc: Record<string, unknown> = {}): NewOp => ({
  kind: 'insert',
  entity: 'note',
  id,
  doc,
});
export const patch = (id: string, set: Record<string, unknown>): NewOp => ({
  kind: 'patch',
  entity: 'note',
  id,
  set,
});
export const remove = (id: string): NewOp => ({ kind: 'delete', entity: 'note', id });
export const call = (id: string, args: unknown): NewOp => ({
  kind: 'call',
  entity: 'note',
  id,
  name: 'do',
  args,
});

/** The ops that reached the server. */
export function opsOf(requests: readonly PushRequest[]): Op[] {
  return requests.flatMap(({ ops }) => ops.flatMap(({ body }) => JSON.parse(body) as Op[]));
}
