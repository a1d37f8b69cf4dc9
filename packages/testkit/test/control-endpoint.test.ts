import { describe, expect, it } from 'vitest';
import { startControlEndpoint } from '../src/control-endpoint.ts';

describe('startControlEndpoint', () => {
  it('starts a server when the first test asks, once, and ends it on close', async () => {
    const calls: string[] = [];
    const endpoint = await startControlEndpoint(async (kind) => {
      calls.push(`find ${kind}`);
      return {
        url: `${kind}://x`,
        how: 'a fake',
        close: async () => void calls.push(`close ${kind}`),
      };
    });
    expect(calls).toEqual([]);
    const ask = async (): Promise<unknown> => (await fetch(`${endpoint.url}/redis`)).json();
    expect(await Promise.all([ask(), ask()])).toEqual([{ url: 'redis://x' }, { url: 'redis://x' }]);
    await endpoint.close();
    expect(calls).toEqual(['find redis', 'close redis']);
  });

  it('hands on the whole reason when there is no server', async () => {
    const endpoint = await startControlEndpoint(async () => {
      throw new Error('outer', { cause: new Error('inner') });
    });
    const response = await fetch(`${endpoint.url}/mqtt`);
    expect([response.status, await response.json()]).toEqual([500, { message: 'outer: inner' }]);
    expect((await fetch(`${endpoint.url}/oracle`)).status).toBe(404);
    await endpoint.close();
  });
});
