import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { spawnNode } from '@holdfast/testkit';
import { hasEnded } from '../src/process-tree.ts';
import { PROBES } from '../src/probes.ts';

const OWN_SERVERS = new URL('fixtures/own-servers.ts', import.meta.url);
const TEST_SERVERS = new URL('fixtures/test-servers.ts', import.meta.url);

describe('servers that a process has started', () => {
  it('end with it when it is killed, frozen ones as well, and their data is removed', async () => {
    await using parent = await spawnNode<{ pids: number[]; directory: string }>(OWN_SERVERS);
    const { pids, directory } = await parent.next();
    expect(pids.length).toBeGreaterThan(2);
    await parent.kill();
    await hasEnded(pids);
    while (existsSync(directory)) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('would go on without the watchdog (negative control)', async () => {
    const script = `
      const child = require('node:child_process').spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
      process.stdout.write(String(child.pid));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    );
    const ended = new Promise((resolve) => parent.once('exit', resolve));
    parent.kill('SIGKILL');
    await ended;
    expect(process.kill(pid, 0)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  it('are shared by the fixtures of one process outside vitest and end with the last of them', async () => {
    await using child = await spawnNode<{ rows: unknown; redis: [string, string] }>(TEST_SERVERS);
    const { rows, redis } = await child.next();
    expect(rows).toEqual([{ one: 1 }]);
    expect(redis[0]).toBe(redis[1]);
    // It ends by itself, so nothing keeps its event loop alive.
    expect(await child.exited).toEqual({ code: 0, signal: null });
    if (process.env['HOLDFAST_TEST_REDIS_URL'] === undefined) {
      await expect(PROBES.redis(redis[0])).rejects.toThrow();
    }
  });
});
