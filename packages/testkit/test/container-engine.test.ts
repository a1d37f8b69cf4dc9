import { afterEach, describe, expect, it, vi } from 'vitest';
import { callEngine, engineAddress, engineAnswers } from '../src/container-engine.ts';
import { OWNER_LABEL, startContainerReaper } from '../src/container-reaper.ts';
import { imageOf } from '../src/find-server.ts';

const noEngine = await engineAnswers();

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('engineAnswers', () => {
  it('tells the reason when DOCKER_HOST leads to nobody', async () => {
    vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock');
    expect(await engineAnswers()).toMatch(/^no container engine answers: .*ENOENT/);
    vi.stubEnv('DOCKER_HOST', 'tcp://127.0.0.1:1');
    expect(await engineAnswers()).toMatch(/^no container engine answers: .*ECONNREFUSED/);
  });
});

describe.skipIf(noEngine !== undefined)(`the reaper (${noEngine ?? 'an engine answers'})`, () => {
  async function createContainer(labels: Record<string, string>): Promise<string> {
    const create = { Image: imageOf('redis'), Cmd: ['redis-server'], Labels: labels };
    const { body } = await callEngine(
      engineAddress()!,
      'POST',
      '/containers/create',
      10_000,
      create,
    );
    return (JSON.parse(body) as { Id: string }).Id;
  }
  async function exists(id: string): Promise<boolean> {
    const path = `/containers/${id}/json`;
    return (await callEngine(engineAddress()!, 'GET', path, 10_000)).status === 200;
  }

  it('removes the containers of its owner, and no others', async () => {
    const reaper = startContainerReaper();
    const ours = await createContainer({ [OWNER_LABEL]: reaper.id });
    const other = await createContainer({ [OWNER_LABEL]: 'somebody else' });
    await reaper.close();
    expect([await exists(ours), await exists(other)]).toEqual([false, true]);
    await callEngine(engineAddress()!, 'DELETE', `/containers/${other}?force=true`, 10_000);
  });
});
