import { randomBytes } from 'node:crypto';
import {
  createOutbox,
  createReceiver,
  memoryOutboxStore,
  memoryReceiptStore,
  sealedCodec,
  versionedCodec,
  type NewOp,
  type Op,
  type OutboxOptions,
  type OutboxStore,
} from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { insert, opsOf, patch, setUp } from './set-up.ts';

const fine: OutboxOptions = {
  store: memoryOutboxStore(),
  clientId: 'c',
  limits: { maxCount: 10, maxBytes: 1000 },
  push: () => Promise.reject(new Error('no network')),
};

test.each<[string, object, string]>([
  ['no limits', { limits: undefined }, 'limits must be an object, got undefined'],
  [
    'a limit of 0',
    { limits: { maxCount: 0, maxBytes: 1 } },
    'limits.maxCount must be an integer of at least 1, got 0',
  ],
  [
    'an unknown limit',
    { limits: { maxCount: 1, maxBytes: 1, max: 2 } },
    'limits.max is not an option',
  ],
  ['an unknown option', { lanes: 4 }, 'lanes is not an option of createOutbox'],
  ['an unknown option of retry', { retry: { base: 4 } }, 'retry.base is not an option'],
  ['no push', { push: undefined }, 'push must be a function, got undefined'],
  ['a store that is none', { store: {} }, 'store.open must be a function'],
  ['an empty client', { clientId: '' }, 'clientId must be a non-empty string'],
  ['a resolver that is none', { conflict: { note: 'merge' } }, 'conflict.note must be a function'],
  ['a share of an op', { batch: { maxOps: 0.5 } }, 'batch.maxOps must be an integer'],
])('refuses %s', (_name, options, message) => {
  expect(() => createOutbox({ ...fine, ...options })).toThrow(message);
});

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'op must be an object'],
  ['an empty group', [], 'a group must hold at least one op'],
  ['an op without a kind', { entity: 'n', id: '1' }, 'op.kind must be one of'],
  [
    'an op without an id',
    { kind: 'delete', entity: 'n', id: '' },
    'op.id must be a non-empty string',
  ],
  ['an op with NUL in its id', { kind: 'delete', entity: 'n', id: '\0' }, 'must not hold NUL'],
  [
    'an insert without a document',
    { kind: 'insert', entity: 'n', id: '1' },
    'op.doc must be an object',
  ],
  ['a second op that is wrong', [insert('1'), { kind: 'x' }], 'ops[1].entity must be'],
  [
    'an op with a misspelt field',
    { ...insert('1'), dependson: [] },
    'op has no field dependson; its fields are kind, entity, id, base, at, doc',
  ],
  [
    'a patch with a misspelt field',
    [insert('1'), { kind: 'patch', entity: 'log', id: '1', sets: {} }],
    'ops[1] has no field sets; its fields are kind, entity, id, base, at, set, unset',
  ],
  [
    'a base with a misspelt field',
    { ...insert('1'), base: { versoin: '1' } },
    'op.base has no field versoin; its fields are version, doc, rebasedFrom',
  ],
  [
    'a patch that says nothing',
    { kind: 'patch', entity: 'log', id: '1' },
    'op must have set or unset: it is a patch',
  ],
  ['a time that is none', { ...insert('1'), at: 'now' }, 'a hybrid logical timestamp is expected'],
])('refuses to enqueue %s, and holds nothing', async (_name, op, message) => {
  await using outbox = createOutbox({ ...fine, store: memoryOutboxStore() });

  await expect(outbox.enqueue(op as NewOp)).rejects.toThrow(message);
  await expect(outbox.enqueue(insert('1'), { priority: 8 })).rejects.toThrow('priority must be');
  await expect(outbox.enqueue(insert('1'), { urgent: true } as never)).rejects.toThrow(
    'urgent is not',
  );
  expect(await outbox.pending()).toEqual([]);
});

test('refuses what is no signal, and what are no ids', async () => {
  await using outbox = createOutbox({ ...fine, store: memoryOutboxStore() });

  await expect(outbox.sync({ signal: 5 as never })).rejects.toThrow(
    new TypeError('signal must be an AbortSignal, got a number'),
  );
  for (const change of ['redrive', 'purge'] as const) {
    await expect(outbox.quarantine[change]({ ids: 'a' as never })).rejects.toThrow(
      new TypeError('ids must be an array of ids, got a string'),
    );
    await expect(outbox.quarantine[change]({ id: 'a' } as never)).rejects.toThrow(
      `id is not an option of quarantine.${change}; its options are ids`,
    );
  }
  await expect(outbox.quarantine.list({ limits: 5 } as never)).rejects.toThrow(
    'limits is not an option of quarantine.list',
  );
});

test('refuses what does not serialise and what is too large, with typed errors, and holds nothing of it', async () => {
  await using outbox = createOutbox({ ...fine, store: memoryOutboxStore() });
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;

  await expect(outbox.enqueue(insert('1', loop))).rejects.toMatchObject({
    code: 'PAYLOAD_INVALID',
  });
  await expect(outbox.enqueue(insert('1', { n: 1n }))).rejects.toMatchObject({
    code: 'PAYLOAD_INVALID',
  });
  await expect(outbox.enqueue(insert('1', { t: 'x'.repeat(2000) }))).rejects.toMatchObject({
    code: 'ITEM_TOO_LARGE',
    maxItemBytes: 1000,
  });
  expect(outbox.snapshot()).toMatchObject({ held: 0, heldBytes: 0 });
});

test('tells which limit is used up, still takes what coalesces within it, and has room again', async () => {
  const bench = setUp({ limits: { maxCount: 2, maxBytes: 400 } });
  await bench.outbox.enqueue(insert('1', { n: 1 }));
  await bench.outbox.enqueue(insert('2', { n: 1 }));
  await expect(bench.outbox.enqueue(insert('3'))).rejects.toMatchObject({
    code: 'OUTBOX_FULL',
    limit: 'maxCount',
  });
  await bench.outbox.enqueue(patch('1', { n: 2 }));
  const large = patch('1', { t: 'x'.repeat(300) });
  await expect(bench.outbox.enqueue(large)).rejects.toMatchObject({
    code: 'OUTBOX_FULL',
    limit: 'maxBytes',
  });
  await bench.outbox.sync();

  expect(bench.docOf('1')).toEqual({ n: 2 });
  await bench.outbox.enqueue(insert('3'));
  await bench.outbox.close();
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['a text', '<html></html>'],
  ['no verdicts', {}],
  ['too few verdicts', { verdicts: [] }],
  ['a verdict of another op', { verdicts: [{ key: 'x', status: 'applied' }] }],
  ['an unknown status', 'status'],
  ['a conflict without a document', 'conflict'],
])('takes %s for no answer, and sends the op again', async (_name, reply) => {
  let isNonsense = false;
  const bench = setUp();
  const outbox = createOutbox({
    ...fine,
    store: memoryOutboxStore(),
    clock: bench.clock,
    random: () => 0.5,
    push: async (request) => {
      const [op] = request.ops;
      if (!isNonsense || op === undefined) return bench.receiver.receive(request);
      if (reply === 'status') return { verdicts: [{ key: op.key, status: 'fine' as 'applied' }] };
      if (reply === 'conflict') return { verdicts: [{ key: op.key, status: 'conflict' } as never] };
      return reply as never;
    },
  });
  await outbox.start();
  isNonsense = true;
  await outbox.enqueue(insert('1'));
  await bench.clock.advance(60_000);
  expect(outbox.snapshot()).toMatchObject({ held: 1, quarantined: 0, applied: 0 });
  expect(outbox.snapshot().failedRequests).toBeGreaterThan(0);
  isNonsense = false;
  await bench.clock.advance(120_000);
  expect(outbox.snapshot()).toMatchObject({ held: 0, applied: 1 });
  await outbox.close();
});

test('what an older program cannot read is quarantined with its bytes, and goes out when it can', async () => {
  const store = memoryOutboxStore();
  const keys = { a: randomBytes(32) };
  const second = sealedCodec(versionedCodec<readonly Op[]>({ version: 2 }), { keys, current: 'a' });
  const writer = setUp({ store, codec: second });
  await writer.outbox.enqueue(insert('1', { n: 1 }));
  await writer.outbox.close();

  const other = { keys: { b: randomBytes(32) }, current: 'b' };
  const codecs = [
    [
      sealedCodec(versionedCodec<readonly Op[]>({ version: 1 }), { keys, current: 'a' }),
      'has version 2',
    ],
    [sealedCodec(versionedCodec<readonly Op[]>({ version: 2 }), other), 'sealed with key a'],
  ] as const;
  for (const [codec, reason] of codecs) {
    const reader = setUp({ store, codec });
    expect(await reader.outbox.sync()).toMatchObject({ applied: 0, quarantined: 1 });
    const [held] = await reader.outbox.quarantine.list();
    expect(held?.reason).toContain(reason);
    expect(held?.ops).toBeUndefined();
    expect(second.decode(held!.payload)).toMatchObject([{ id: '1' }]);
    await reader.outbox.quarantine.redrive();
    await reader.outbox.close();
  }
  const reader = setUp({ store, codec: second });
  expect(await reader.outbox.sync()).toMatchObject({ applied: 1, left: 0 });
  expect(reader.docOf('1')).toEqual({ n: 1 });
  await reader.outbox.close();
});

test('what was sent is sent again as it was, also when its payload has been migrated since', async () => {
  const store = memoryOutboxStore();
  const first = setUp({ store, codec: versionedCodec({ version: 1 }) });
  await first.outbox.enqueue(insert('0'));
  await first.outbox.sync();
  first.losesAnswer = true;
  await first.outbox.enqueue(insert('1', { n: 1 }));
  await first.outbox.sync();
  await first.outbox.close();

  const migrate = (old: unknown): unknown => (old as Op[]).map((op) => ({ ...op, doc: { m: 1 } }));
  const second = setUp({
    store,
    codec: versionedCodec({ version: 2, migrations: { 1: migrate } }),
    push: (request) => {
      first.requests.push(request);
      return first.receiver.receive(request);
    },
  });
  await second.outbox.sync();
  const sent = opsOf(first.requests).filter(({ id }) => id === '1');
  expect(sent).toHaveLength(2);
  expect(sent[0]).toEqual(sent[1]);
  expect(first.docOf('1')).toEqual({ n: 1 });
  await second.outbox.close();
});

test('a store that fails loses nothing: what was sent is sent again, and the failure is told', async () => {
  const base = memoryOutboxStore();
  let isBroken = false;
  const store: OutboxStore = {
    ...base,
    write: (work) => (isBroken ? Promise.reject(new Error('disk full')) : base.write(work)),
    read: (work) => (isBroken ? Promise.reject(new Error('disk full')) : base.read(work)),
  };
  const bench = setUp({ store, stallAfterMs: 5000 });
  await bench.outbox.start();
  await bench.outbox.enqueue(insert('1'));
  isBroken = true;
  await expect(bench.outbox.enqueue(insert('2'))).rejects.toThrow('disk full');
  await bench.clock.advance(6000);
  expect(bench.events.some(([name]) => name === 'storeError')).toBe(true);
  expect(bench.events.filter(([name]) => name === 'stalled')).toMatchObject([
    ['stalled', { reason: 'store' }],
  ]);
  isBroken = false;
  await bench.clock.advance(30_000);
  expect(bench.outbox.snapshot()).toMatchObject({ held: 0, applied: 1 });
  await bench.outbox.close();
});

test('the receiver refuses what is no request, and options that it does not know', async () => {
  const store = memoryReceiptStore();
  const apply = async () => ({ status: 'applied' }) as const;
  const receiver = createReceiver({ store, apply, limits: { maxOps: 1, maxBodyBytes: 10 } });
  const valid = { clientId: 'c', streamId: 's', ackedSeq: 0, ops: [] };
  const op = { key: 'k', seq: 1, body: '[]' };

  for (const request of [
    '<html>',
    { ...valid, ops: undefined },
    { ...valid, clientId: '' },
    { ...valid, ackedSeq: -1 },
    { ...valid, ops: [op, { ...op, key: 'l' }] },
    { ...valid, ops: [{ ...op, body: {} }] },
  ]) {
    await expect(receiver.receive(request)).rejects.toMatchObject({ code: 'PUSH_REQUEST_INVALID' });
  }
  const { verdicts } = await receiver.receive({
    ...valid,
    ops: [{ ...op, body: '[{"kind":"insert"}]' }],
  });
  expect(verdicts).toMatchObject([
    { status: 'rejected', reason: 'the body has 19 bytes, at most 10 are taken' },
  ]);
  expect(() => createReceiver({ store, apply, batch: 1 } as never)).toThrow(
    'batch is not an option',
  );
  expect(() => createReceiver({ store, apply, limits: { maxOps: 0 } })).toThrow(
    'limits.maxOps must be',
  );
  await receiver.close();
  await expect(receiver.receive(valid)).rejects.toMatchObject({ code: 'RECEIVER_CLOSED' });
});
