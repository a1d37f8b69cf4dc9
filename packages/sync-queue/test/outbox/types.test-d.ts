import {
  createOutbox,
  memoryOutboxStore,
  resolvers,
  sealedCodec,
  versionedCodec,
  type Conflict,
  type HeldOps,
  type LinkTrouble,
  type Op,
  type Outbox,
  type OutboxStore,
  type PushReply,
  type PushRequest,
  type QuarantinedOps,
  type Receiver,
  type RequestVerdict,
  type Resolver,
  type StallReason,
  type Ticket,
  type TicketEnd,
} from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';
import Database from 'libsql';
import { expectTypeOf } from 'vitest';

declare const receiver: Receiver;
const limits = { maxCount: 1, maxBytes: 1 };
const required = {
  ...{ store: memoryOutboxStore(), clientId: 'c', limits },
  push: (request: PushRequest) => receiver.receive(request),
};
const outbox = createOutbox(required);
const edit = { kind: 'patch', entity: 'log', id: 'a', set: { minutes: 1 } } as const;

expectTypeOf(outbox).toEqualTypeOf<Outbox>();
expectTypeOf(outbox.enqueue(edit)).resolves.toEqualTypeOf<Ticket>();
expectTypeOf(outbox.enqueue([edit, edit])).resolves.toEqualTypeOf<Ticket>();
expectTypeOf<Ticket['settled']>().resolves.toEqualTypeOf<TicketEnd>();
expectTypeOf(outbox.pending()).resolves.toEqualTypeOf<HeldOps[]>();
expectTypeOf(outbox.quarantine.list()).resolves.toEqualTypeOf<QuarantinedOps[]>();
expectTypeOf(outbox.overlay('log', 'a')).resolves.toEqualTypeOf<
  Readonly<Record<string, unknown>> | undefined
>();
expectTypeOf(sqliteOutboxStore).returns.toEqualTypeOf<OutboxStore>();

// Each status has the fields that are known then, and no others.
const end: TicketEnd = await outbox.enqueue(edit).then(({ settled }) => settled);
if (end.status === 'quarantined') expectTypeOf(end.reason).toEqualTypeOf<string>();
if (end.status === 'superseded') expectTypeOf(end.theirs).toExtend<object | null>();
// @ts-expect-error only what is quarantined has a reason
if (end.status === 'applied') expectTypeOf(end.reason);

outbox.on('stalled', ({ reason }) => expectTypeOf(reason).toEqualTypeOf<StallReason>());
outbox.on('link', ({ trouble }) => expectTypeOf(trouble).toEqualTypeOf<LinkTrouble | undefined>());
outbox.on('settled', (told) => expectTypeOf(told.end).toEqualTypeOf<TicketEnd>());

// A receiver's answer is one of `push`, and so is a verdict on the whole request.
expectTypeOf<PushReply>().toExtend<Awaited<ReturnType<typeof required.push>>>();
createOutbox({ ...required, push: async (): Promise<RequestVerdict> => ({ status: 'auth' }) });

expectTypeOf(resolvers.merge()).toEqualTypeOf<Resolver>();
createOutbox({ ...required, conflict: { log: resolvers.lww, note: () => ({ use: 'server' }) } });
createOutbox({
  ...required,
  conflict: (conflict) => {
    expectTypeOf(conflict).toEqualTypeOf<Conflict>();
    return { use: 'quarantine', reason: `round ${conflict.round}` };
  },
});
const codec = versionedCodec<readonly Op[]>({ version: 1 });
createOutbox({ ...required, codec: sealedCodec(codec, { keys: {}, current: 'a' }) });

// The caller's connection of libsql has the shape that is asked for.
outbox.enqueueWithin(new Database(''), edit);

// @ts-expect-error limits have no default
createOutbox({ store: memoryOutboxStore(), clientId: 'c', push: required.push });
// @ts-expect-error nor has the client's name
createOutbox({ store: memoryOutboxStore(), limits, push: required.push });
// @ts-expect-error an insert has a document
void outbox.enqueue({ kind: 'insert', entity: 'log', id: 'a' });
// @ts-expect-error no such edit
void outbox.enqueue({ kind: 'upsert', entity: 'log', id: 'a', doc: {} });
// @ts-expect-error a delete has none
void outbox.enqueue({ kind: 'delete', entity: 'log', id: 'a', doc: {} });
// @ts-expect-error no such strategy
resolvers.merge({ minutes: 'average' });
// @ts-expect-error a quarantine needs its reason
createOutbox({ ...required, conflict: () => ({ use: 'quarantine' }) });
// @ts-expect-error no such verdict
createOutbox({ ...required, push: async () => ({ status: 'done' }) });
// @ts-expect-error the codec is of other values
createOutbox({ ...required, codec: versionedCodec<string>({ version: 1 }) });
