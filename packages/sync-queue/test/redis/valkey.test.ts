import { setTimeout as delay } from 'node:timers/promises';
import { redisStore } from '@holdfast/sync-queue/redis';
import { findProgram, startRedisServer, type ServerProcess } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeStore } from '../conformance/index.ts';
import { SHARDED, type CreateFixture } from '../conformance/kit.ts';

const PROGRAM = 'valkey-server';

// Debian 12 has it in its backports only, so it is not everywhere; one skipped test tells that it is not here.
const hasValkey = findProgram(PROGRAM) !== undefined;

test.skipIf(!hasValkey)(`${PROGRAM} is on PATH`, () => expect(hasValkey).toBe(true));

function describeValkey(): void {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startRedisServer({ program: PROGRAM, appendonly: true });
  });
  afterAll(() => server.close());

  const createFixture = (shards: number): CreateFixture => {
    return () => {
      const client = new Redis(server.url);
      return Promise.resolve({
        store: redisStore({ client, durability: 'fsync', shards, prefix: `of ${shards}` }),
        elapse: (ms) => delay(ms + 5),
        close: async () => {
          await client.quit();
        },
      });
    };
  };

  test('it is Valkey', async () => {
    const client = new Redis(server.url);
    expect(await client.info('server')).toMatch(/^valkey_version:/m);
    await client.quit();
  });

  describeStore('valkey', createFixture(1));
  describeStore('valkey, 4 shards', createFixture(4), SHARDED);
}

if (hasValkey) describe('on Valkey', describeValkey);
