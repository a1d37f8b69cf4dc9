import { afterEach, describe, expect, it, vi } from 'vitest';
import { spawnNode } from '@holdfast/testkit';
import { announce } from '../src/announce.ts';
import { engineAnswers } from '../src/container-engine.ts';
import { byContainer, byProgram, byUrl, findServer } from '../src/find-server.ts';
import { PROBES } from '../src/probes.ts';
import { startRedisServer } from '../src/redis-server.ts';
import { SERVER_KINDS } from '../src/server-kind.ts';

const noEngine = await engineAnswers();
if (noEngine !== undefined) announce(`container tests are SKIPPED: ${noEngine}`);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a server by URL', () => {
  it('is used before anything else', async () => {
    await using redis = await startRedisServer();
    vi.stubEnv('HOLDFAST_TEST_REDIS_URL', redis.url);
    const server = await findServer('redis');
    expect(server.url).toBe(redis.url);
    await server.close();
    await PROBES.redis(redis.url);
  });

  it('is an error when nothing answers there: another server is not what was asked for', async () => {
    vi.stubEnv('HOLDFAST_TEST_REDIS_URL', 'redis://127.0.0.1:1');
    await expect(findServer('redis')).rejects.toThrow(
      'HOLDFAST_TEST_REDIS_URL is set, but no redis server answers there',
    );
  });

  it('leads nowhere when the variable is not set', async () => {
    vi.stubEnv('HOLDFAST_TEST_MQTT_URL', '');
    expect(await byUrl('mqtt').open()).toBe('the variable is not set');
  });
});

describe.each(SERVER_KINDS)('a program on this machine: %s', (kind) => {
  it('runs as a child process and is gone after close()', async () => {
    const server = await byProgram(kind).open();
    if (typeof server === 'string') throw new Error(server);
    await PROBES[kind](server.url);
    await server.close();
    await expect(PROBES[kind](server.url)).rejects.toThrow();
  });
});

describe.skipIf(noEngine !== undefined)(`a container (${noEngine ?? 'an engine answers'})`, () => {
  it.each(SERVER_KINDS)('runs %s and is gone after close()', { timeout: 180_000 }, async (kind) => {
    const server = await byContainer(kind).open();
    if (typeof server === 'string') throw new Error(server);
    await PROBES[kind](server.url);
    expect(server.how).toMatch(/^a container of /);
    await server.close();
    await expect(PROBES[kind](server.url)).rejects.toThrow();
  });

  it('is removed when the process that started it is killed', { timeout: 180_000 }, async () => {
    const fixture = new URL('fixtures/own-container.ts', import.meta.url);
    await using parent = await spawnNode<{ url: string }>(fixture);
    const { url } = await parent.next();
    const answers = (): Promise<boolean> =>
      PROBES.redis(url).then(
        () => true,
        () => false,
      );
    expect(await answers()).toBe(true);
    await parent.kill();
    while (await answers()) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it(
    'leads nowhere, with the reason, when the image cannot be had',
    { timeout: 180_000 },
    async () => {
      vi.stubEnv('HOLDFAST_REDIS_IMAGE', 'localhost/holdfast-no-such-image:1');
      expect(await byContainer('redis').open()).toMatch(
        /^the engine has no image localhost\/holdfast-no-such-image:1 and cannot pull it/,
      );
    },
  );
});
