import { describe, expect, it } from 'vitest';
import { createTestRedis } from '@holdfast/testkit';

describe('createTestRedis', () => {
  it('deletes the keys of its prefix, also behind a hash tag, and leaves others alone', async () => {
    await using other = await createTestRedis();
    const observer = other.createClient();
    const redis = await createTestRedis();
    const client = redis.createClient();
    await client.set(`${redis.prefix}a`, '1');
    await client.set(`{${redis.prefix}q}:b`, '1');
    await observer.set(`${other.prefix}kept`, '1');
    await redis.close();
    const left = await observer.exists(`${redis.prefix}a`, `{${redis.prefix}q}:b`);
    expect([left, await observer.exists(`${other.prefix}kept`), client.status]).toEqual([
      0,
      1,
      'end',
    ]);
  });

  it('has a prefix without braces and without characters of patterns', async () => {
    await using redis = await createTestRedis();
    expect(redis.prefix).toMatch(/^[a-z0-9:-]+$/);
  });
});
