import type { StoredQueue } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { stateKey } from '../../src/redis/keys.ts';
import { itemOf, SETTINGS, textOf } from '../conformance/kit.ts';
import { isAdopting, keyOf, useAgreement } from './agreement-calls.ts';

const fixture = useAgreement();
const { processWith, stoppable, written } = fixture;

test.each(['2 incoming', '2'])(
  'a process that was right goes on after a takeover that died while it wrote %j',
  async (text) => {
    const name = `dying ${text}`;
    const old = processWith(4, name);
    await old.start();
    let adopted = 0;
    const client = stoppable((args) => {
      if (isAdopting(args, text) && (adopted += 1) > 2) throw new Error('gone');
    });
    const dying = processWith(2, name, { client });
    await expect(dying.start()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await written(name, 4)).not.toEqual(['4', '4', '4', '4']);

    const key = keyOf(3, 4);
    await expect(old.add('a', { key })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'not-applied',
    });
    expect(await old.add('a', { key })).toMatchObject({ status: 'accepted' });
    expect(await written(name, 4)).toEqual(['4', '4', '4', '4']);
    await Promise.all([old.close(), dying.close()]);
  },
);

test.each(['2 incoming', '2'])(
  'of two that take over at once, the one that was overtaken while it wrote %j is told so',
  async (text) => {
    const name = `two ${text}`;
    const old = processWith(4, name);
    await old.start();
    const gate = createGate();
    let adopted = 0;
    const client = stoppable(async (args) => {
      if (isAdopting(args, text) && (adopted += 1) === 3) await gate.pass();
    });
    const slow = processWith(2, name, { client });
    const starting = slow.start();
    starting.catch(() => undefined);
    await gate.arrived();
    const fast = processWith(3, name);
    await fast.add('a', { key: 'k' });
    gate.open();

    await expect(starting).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining(`another process is taking queue ${name} over`) as string,
    });
    await expect(slow.add('b', { key: 'k' })).rejects.toMatchObject({
      code: 'STORE_SHARDS_DIFFER',
      shards: 3,
    });
    expect((await written(name, 4)).slice(0, 3)).toEqual(['3', '3', '3']);
    expect(await fast.stats()).toMatchObject({ count: 1 });
    await Promise.all([old.close(), slow.close(), fast.close()]);
  },
);

test('processes with the same number start together', async () => {
  const all = Array.from({ length: 8 }, () => processWith(4, 'together'));
  await Promise.all(all.map((each) => each.start()));
  expect(await written('together', 4)).toEqual(['4', '4', '4', '4']);
  await Promise.all(all.map((each) => each.close()));
});

test('goes on after the server has lost everything', async () => {
  const process = processWith(4, 'lost');
  await process.add('a', { key: 'k' });
  const client = fixture.redis.createClient();
  await client.del(...(await client.keys(`*${fixture.redis.prefix}:lost}*`)));

  await expect(process.add('b', { key: 'k' })).rejects.toMatchObject({ outcome: 'not-applied' });
  expect(await process.add('b', { key: 'k' })).toMatchObject({ status: 'accepted' });
  expect(await written('lost', 4)).toEqual(['4', '4', '4', '4']);
  await process.close();
});

test('a shard with the number of a process that starts stays open while another one is opened', async () => {
  const running = processWith(4, 'repaired');
  await running.start();
  const state = stateKey({ prefix: fixture.redis.prefix, name: 'repaired', shard: 3 });
  await fixture.redis.createClient().del(state);
  const gate = createGate();
  let adopted = 0;
  const client = stoppable(async (args) => {
    if (isAdopting(args, '4') && (adopted += 1) === 1) await gate.pass();
  });
  const late = processWith(4, 'repaired', { client });
  const starting = late.start();
  await gate.arrived();

  expect(await written('repaired', 4)).toEqual(['4', '4', '4', '4 incoming']);
  const added = await running.add('a', { key: keyOf(0, 4) });
  expect(added).toMatchObject({ status: 'accepted' });
  gate.open();
  await starting;
  await Promise.all([running.close(), late.close()]);
});

test('takes over from a shard whose epoch is ahead, because the clock of its node is', async () => {
  const late = processWith(4, 'ahead');
  const state = stateKey({ prefix: fixture.redis.prefix, name: 'ahead', shard: 2 });
  await fixture.redis.createClient().hset(state, 'ep', Date.now() + 3_600_000);

  await expect(late.start()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await late.start();
  expect(await written('ahead', 4)).toEqual(['4', '4', '4', '4']);
  await late.close();
});

test('negative control: with whatever number written down, two processes hold items of one key at a time', async () => {
  const client = fixture.redis.createClient();
  const queueWith = async (shards: number): Promise<StoredQueue> => {
    for (let shard = 0; shard < 4; shard += 1) {
      await client.hset(
        stateKey({ prefix: fixture.redis.prefix, name: 'unguarded', shard }),
        'sh',
        shards,
      );
    }
    return redisStore({ client, prefix: fixture.redis.prefix, shards }).queue(
      'unguarded',
      SETTINGS,
    );
  };
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  for (const key of keys) {
    await (await queueWith(4)).enqueue([itemOf({ text: 'first', key })]);
    await (await queueWith(2)).enqueue([itemOf({ text: 'second', key })]);
  }

  const held = await (await queueWith(4)).claim({ maxItems: 40, leaseMs: 60_000 });
  const texts = keys.map((key) =>
    held.items.filter((item) => item.key === key).map((item) => textOf(item)),
  );
  expect(texts).toContainEqual(expect.arrayContaining(['first', 'second']));
});
