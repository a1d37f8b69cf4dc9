import { createOutbox, memoryOutboxStore, resolvers } from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { call, insert, opsOf, patch, remove, setUp } from './set-up.ts';

test('sends what is enqueued, and settles its ticket with the result', async () => {
  const { outbox, clock, docOf } = setUp();
  await outbox.start();

  const ticket = await outbox.enqueue(insert('1', { text: 'a' }));
  await clock.advance(100);

  expect(await ticket.settled).toEqual({ status: 'applied', results: [{ version: '1' }] });
  expect(docOf('1')).toEqual({ text: 'a' });
  expect(outbox.snapshot()).toMatchObject({ held: 0, heldBytes: 0, applied: 1, link: 'up' });
  await outbox.close();
  expect(clock.pending()).toBe(0);
});

test('10,000 edits of 100 documents offline are at most 100 ops in at most 5 requests', async () => {
  const bench = setUp();
  bench.link = 'offline';
  await bench.outbox.start();
  for (let edit = 0; edit < 10_000; edit += 1) {
    const id = String(edit % 100);
    await bench.outbox.enqueue(edit < 100 ? insert(id, { edit }) : patch(id, { edit }));
    if (edit % 500 === 0) await bench.clock.advance(1000);
  }
  expect(bench.outbox.snapshot()).toMatchObject({ held: 100, coalesced: 9900, enqueued: 10_000 });

  bench.link = 'up';
  await bench.clock.advance(60_000);

  expect(opsOf(bench.requests)).toHaveLength(100);
  expect(bench.requests.length).toBeLessThanOrEqual(5);
  expect(bench.docOf('7')).toEqual({ edit: 9907 });
  expect(bench.outbox.snapshot()).toMatchObject({ held: 0, applied: 100 });
  await bench.outbox.close();
});

test('one poison op in 1,000 leaves 999 applied, and is quarantined with its reason and its bytes', async () => {
  const bench = setUp({}, (op, tx) => {
    if (op.id === '500') return { status: 'rejected', reason: 'no such project' };
    tx.set(op.id, op);
    return { status: 'applied' };
  });
  for (let id = 0; id < 1000; id += 1) await bench.outbox.enqueue(insert(String(id)));

  const report = await bench.outbox.sync();

  expect(report).toEqual({ applied: 999, quarantined: 1, left: 0, link: 'up' });
  const [held] = await bench.outbox.quarantine.list();
  expect(held).toMatchObject({ reason: 'rejected: no such project', ops: [{ id: '500' }] });
  await bench.outbox.close();
});

test('one that makes whole requests fail is isolated, quarantined, and holds up nobody', async () => {
  const bench = setUp({ batch: { concurrency: 1 } });
  const push = createOutbox({
    store: memoryOutboxStore(),
    clientId: 'c',
    limits: { maxCount: 10_000, maxBytes: 10_000_000 },
    clock: bench.clock,
    random: () => 0.5,
    push: async (request) =>
      request.ops.some(({ body }) => body.includes('poison'))
        ? { status: 'retry' }
        : bench.receiver.receive(request),
  });
  await push.start();
  for (let id = 0; id < 300; id += 1) {
    await push.enqueue(insert(String(id), { text: id === 150 ? 'poison' : 'fine' }));
  }
  await bench.clock.advance(60_000);
  expect(push.snapshot()).toMatchObject({ applied: 299 });

  await bench.clock.advance(1_200_000);
  expect((await push.quarantine.list()).map(({ reason }) => reason)).toEqual(['failed 10 times']);
  await push.close();
});

test('sends the same bytes under the same key when the answer is lost, and it is applied once', async () => {
  const bench = setUp();
  bench.losesAnswer = true;
  await bench.outbox.start();
  await bench.outbox.enqueue(insert('1', { n: 1 }));
  bench.losesAnswer = false;
  await bench.clock.advance(30);
  bench.losesAnswer = true;
  await bench.outbox.enqueue(call('1', 'x'));
  await bench.clock.advance(60_000);

  const units = bench.requests.flatMap(({ ops }) => ops).filter(({ body }) => body.includes('"x"'));
  expect(units).toHaveLength(2);
  expect(units[0]).toEqual(units[1]);
  expect(bench.receiver.snapshot()).toMatchObject({ applied: 2, repeated: 1 });
  expect(bench.outbox.snapshot()).toMatchObject({ held: 0, applied: 2 });
  await bench.outbox.close();
});

test('an edit of what was sent is an op of its own, based on the result of the first', async () => {
  const bench = setUp();
  await bench.outbox.start();
  await bench.outbox.enqueue(insert('1', { n: 1 }));
  await bench.clock.advance(20);
  bench.losesAnswer = true;
  const base = { version: '1', doc: { n: 1 } };
  await bench.outbox.enqueue({ ...patch('1', { n: 2 }), base });
  await bench.clock.advance(11);
  const later = await bench.outbox.enqueue({ ...patch('1', { n: 3 }), base });
  const last = await bench.outbox.enqueue({ ...call('1', 'x'), base });
  expect(later.isCoalesced).toBe(false);
  await bench.clock.advance(60_000);

  expect(bench.docOf('1')).toEqual({ n: 3 });
  expect((await last.settled).status).toBe('applied');
  expect(bench.outbox.snapshot()).toMatchObject({ applied: 4, conflicts: 0 });
  await bench.outbox.close();
});

test('an insert that is taken back before it was sent settles as cancelled, and nothing is sent', async () => {
  const { outbox, clock, requests, ends } = setUp();
  const first = await outbox.enqueue(insert('1'));
  const second = await outbox.enqueue(remove('1'));

  expect(second).toMatchObject({ id: first.id, isCoalesced: true });
  expect(await first.settled).toEqual({ status: 'cancelled' });
  expect(await second.settled).toEqual({ status: 'cancelled' });
  await outbox.sync();
  await clock.advance(1000);
  expect(opsOf(requests)).toEqual([]);
  expect([...ends.values()]).toEqual([{ status: 'cancelled' }]);
  await outbox.close();
});

test('an atomic group is applied as a whole or not at all, and is not coalesced with others', async () => {
  const bench = setUp({}, (op, tx) => {
    if (op.id === 'bad') return { status: 'rejected', reason: 'bad' };
    tx.set(op.id, op.kind);
    return { status: 'applied', version: '1' };
  });
  const good = await bench.outbox.enqueue([insert('a'), insert('b')]);
  const bad = await bench.outbox.enqueue([insert('c'), insert('bad')]);
  const after = await bench.outbox.enqueue(patch('a', { n: 1 }));
  await bench.outbox.sync();

  expect((await good.settled).status).toBe('applied');
  expect(await bad.settled).toEqual({ status: 'quarantined', reason: 'rejected: bad' });
  expect((await after.settled).status).toBe('applied');
  expect(after.isCoalesced).toBe(false);
  expect([...bench.server.values.keys()]).toEqual(['a', 'b']);
  await bench.outbox.close();
});

test('what depends on a quarantined op is parked, and goes out after its redrive', async () => {
  let isFixed = false;
  const bench = setUp({}, (op, tx) => {
    if (op.id === 'p' && !isFixed) return { status: 'rejected', reason: 'bad' };
    tx.set(op.id, op.kind);
    return { status: 'applied' };
  });
  const parent = await bench.outbox.enqueue(insert('p'));
  const child = await bench.outbox.enqueue(insert('c'), { dependsOn: [parent.id] });
  const grandchild = await bench.outbox.enqueue(call('c', 1));
  const other = await bench.outbox.enqueue(insert('o'));
  await bench.outbox.sync();

  expect((await other.settled).status).toBe('applied');
  const states = (await bench.outbox.pending()).map(({ id, state }) => [id, state]);
  expect(states).toEqual([
    [parent.id, 'quarantined'],
    [child.id, 'parked'],
    [grandchild.id, 'parked'],
  ]);
  isFixed = true;
  expect(await bench.outbox.quarantine.redrive()).toBe(1);
  await bench.outbox.sync();
  expect((await child.settled).status).toBe('applied');
  expect((await grandchild.settled).status).toBe('applied');
  expect(bench.outbox.snapshot()).toMatchObject({ held: 0, quarantined: 0 });
  await bench.outbox.close();
});

test('what depends on a purged op follows it into quarantine', async () => {
  const bench = setUp({}, () => ({ status: 'rejected', reason: 'bad' }));
  const parent = await bench.outbox.enqueue(insert('p'));
  const child = await bench.outbox.enqueue(insert('c'), { dependsOn: [parent.id] });
  await bench.outbox.sync();

  expect(await bench.outbox.quarantine.purge({ ids: [parent.id] })).toBe(1);

  const held = await bench.outbox.quarantine.list();
  expect(held.map(({ id, reason }) => [id, reason])).toEqual([
    [child.id, 'what it depends on was purged'],
  ]);
  await bench.outbox.close();
});

test('a conflict is merged and sent again; after five rounds it is quarantined', async () => {
  let rounds = 0;
  let isEndless = false;
  const bench = setUp({ conflict: resolvers.merge({ n: 'sum' }) }, (op, tx) => {
    if (rounds < 2 || isEndless) {
      rounds += 1;
      return { status: 'conflict', theirs: { n: rounds }, version: String(rounds) };
    }
    tx.set('doc', op);
    return { status: 'applied' };
  });
  const base = { version: '0', doc: { n: 0 } };
  const ticket = await bench.outbox.enqueue({ ...patch('1', { n: 10 }), base });
  await bench.outbox.sync();

  expect((await ticket.settled).status).toBe('applied');
  expect(bench.server.values.get('doc')).toMatchObject({ set: { n: 12 }, base: { version: '2' } });
  isEndless = true;
  const endless = await bench.outbox.enqueue({ ...patch('2', { n: 10 }), base });
  await bench.outbox.sync();
  expect(await endless.settled).toEqual({
    status: 'quarantined',
    reason: 'in conflict again after 5 rounds',
  });
  await bench.outbox.close();
});

test('offline, a captive portal and a missing sign-in use up no attempts, and lose nothing', async () => {
  const bench = setUp();
  await bench.outbox.start();
  await bench.outbox.enqueue(insert('0'));
  await bench.clock.advance(100);
  for (const link of ['offline', 'portal', 'auth'] as const) {
    bench.link = link;
    await bench.outbox.enqueue(insert(link));
    await bench.clock.advance(600_000);
    expect(bench.outbox.snapshot()).toMatchObject({ held: 1, quarantined: 0 });
    const [held] = await bench.outbox.pending();
    expect(held).toMatchObject({ attempt: 0 });
    bench.link = 'up';
    await bench.clock.advance(60_000);
    expect(bench.docOf(link)).toEqual({});
  }
  await bench.outbox.close();
});

test.each([
  ['offline', 'offline'],
  ['portal', 'offline'],
  ['auth', 'auth'],
] as const)('tells in time that nothing moves: %s', async (link, reason) => {
  const bench = setUp({ stallAfterMs: 10_000 });
  await bench.outbox.start();
  bench.link = link;
  const ticket = await bench.outbox.enqueue(insert('1'));

  await bench.clock.advance(9_900);
  expect(bench.events.filter(([name]) => name === 'stalled')).toEqual([]);
  await bench.clock.advance(1_100);
  const stalled = bench.events.filter(([name]) => name === 'stalled');
  expect(stalled).toMatchObject([['stalled', { reason, id: ticket.id }]]);
  expect(bench.outbox.snapshot().stalled).toBe(reason);
  bench.link = 'up';
  await bench.clock.advance(60_000);
  expect(bench.outbox.snapshot()).toMatchObject({ stalled: null, held: 0 });
  await bench.outbox.close();
});

test('tells of one that the server puts off for ever while others pass', async () => {
  const bench = setUp({ stallAfterMs: 5000, retry: { maxAttempts: 1000 } }, (op, tx) => {
    if (op.id === 'p') return { status: 'retry', afterMs: 100 };
    tx.set(op.id, 1);
    return { status: 'applied' };
  });
  await bench.outbox.start();
  const poison = await bench.outbox.enqueue(insert('p'));
  for (let id = 0; id < 10; id += 1) {
    await bench.outbox.enqueue(insert(String(id)));
    await bench.clock.advance(1000);
  }

  const stalled = bench.events.filter(([name]) => name === 'stalled');
  expect(stalled[0]).toMatchObject(['stalled', { reason: 'poison', id: poison.id }]);
  expect(stalled.length).toBeLessThanOrEqual(2);
  await bench.outbox.close();
});

test('shows a document as it will be', async () => {
  const { outbox } = setUp();
  await outbox.enqueue(patch('1', { a: 2 }));
  await outbox.enqueue([patch('1', { b: 3 }), insert('2', { c: 1 })]);

  expect(await outbox.overlay('note', '1', { a: 1, z: 0 })).toEqual({ a: 2, b: 3, z: 0 });
  expect(await outbox.overlay('note', '2')).toEqual({ c: 1 });
  expect(await outbox.overlay('note', '3')).toBeUndefined();
  expect(await outbox.pending({ entity: 'note', id: '1' })).toHaveLength(2);
  await outbox.close();
});

test('takes back only what was never sent and what nothing depends on', async () => {
  const bench = setUp();
  const parent = await bench.outbox.enqueue(insert('p'));
  const child = await bench.outbox.enqueue(insert('c'), { dependsOn: [parent.id] });

  expect(await bench.outbox.cancel(parent.id)).toBe(false);
  expect(await bench.outbox.cancel(child.id)).toBe(true);
  expect(await bench.outbox.cancel(parent.id)).toBe(true);
  expect(await bench.outbox.cancel(parent.id)).toBe(false);
  await bench.outbox.sync();
  expect(bench.server.values.size).toBe(0);
  await bench.outbox.close();
});

test('sends the urgent first, and the oldest not last', async () => {
  const bench = setUp({ batch: { maxOps: 10, concurrency: 1 } });
  for (let id = 0; id < 20; id += 1)
    await bench.outbox.enqueue(insert(`late${id}`), { priority: 7 });
  for (let id = 0; id < 20; id += 1)
    await bench.outbox.enqueue(insert(`soon${id}`), { priority: 0 });
  await bench.outbox.sync();

  const [, first] = bench.requests;
  const ids = opsOf([first!]).map(({ id }) => id);
  expect(ids.filter((id) => id.startsWith('soon'))).toHaveLength(9);
  expect(ids).toContain('late0');
  await bench.outbox.close();
});

test('waits as long as the server says, and not longer', async () => {
  const bench = setUp();
  await bench.outbox.start();
  bench.link = { status: 'retry', afterMs: 20_000 };
  await bench.outbox.enqueue(insert('1'));
  await bench.clock.advance(100);
  bench.link = 'up';
  await bench.outbox.sync();
  await bench.clock.advance(19_800);
  expect(bench.requests).toEqual([]);
  await bench.clock.advance(2000);
  expect(bench.docOf('1')).toEqual({});
  await bench.outbox.close();
});

test('a closed outbox keeps what it holds, and its successor sends it', async () => {
  const store = memoryOutboxStore();
  const first = setUp({ store });
  first.link = 'offline';
  await first.outbox.start();
  const ticket = await first.outbox.enqueue(insert('1', { a: 1 }));
  await first.outbox.close();
  await expect(ticket.settled).rejects.toMatchObject({ code: 'OUTBOX_CLOSED' });
  await expect(first.outbox.enqueue(insert('2'))).rejects.toMatchObject({ code: 'OUTBOX_CLOSED' });

  const second = setUp({ store });
  expect(await second.outbox.sync()).toMatchObject({ applied: 1, left: 0 });
  expect(second.docOf('1')).toEqual({ a: 1 });
  expect(second.ends.get(ticket.id)?.status).toBe('applied');
  await second.outbox.close();
});
