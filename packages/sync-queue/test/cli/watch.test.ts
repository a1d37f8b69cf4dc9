import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Queue } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { hasPseudoTerminal, startRedisServer, type FinishedProgram } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { openQueue, type Place } from './places.ts';
import { PLACES, useProgram, useQueue } from './set-up.ts';

const program = useProgram();
const runProgram = program.run;

interface Line {
  readonly at: string;
  readonly error?: string;
  readonly stats?: { readonly count: number };
  readonly queues?: readonly { readonly queue: string }[];
}

/** Reads what a watching program prints, line by line; `end` tells it to stop. */
function startWatch(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const all = [program.path, 'inspect', '--watch', '--interval', '0.1', ...args];
  const child = spawn(process.execPath, all, { env: { ...process.env, ...env } });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next(): Promise<string> {
      const line: IteratorResult<string, unknown> = await lines.next();
      if (line.done === true) throw new Error(`it has ended: ${stderr}`);
      return line.value;
    },
    /** The next line that is as wanted. */
    async until(isWanted: (line: Line) => boolean): Promise<Line> {
      for (;;) {
        const line = JSON.parse(await this.next()) as Line;
        if (isWanted(line)) return line;
      }
    },
    async end(signal: 'SIGINT' | 'SIGTERM') {
      child.kill(signal);
      const [code] = await exit;
      return { code, stderr };
    },
  };
}

describe.each(PLACES)('inspect --watch on %s', (_name, createPlace) => {
  let place: Place;
  let queue: Queue<unknown>;
  useQueue(createPlace, (opened) => ({ place, queue } = opened));

  it('prints a line of JSON each time, sees what changes, and ends when it is told to', async () => {
    const one = startWatch(['orders', '--json', ...place.flags], place.env);
    const first = await one.until(() => true);
    expect(first).toMatchObject({ queue: 'orders', stats: { count: 0 } });
    await queue.add('a');
    const { at } = await one.until(({ stats }) => stats?.count === 1);
    expect(Date.parse(at)).toBeGreaterThan(Date.parse(first.at));
    expect(await one.end('SIGINT')).toEqual({ code: 0, stderr: '' });

    const all = startWatch(['--json', ...place.flags], place.env);
    expect(await all.until(() => true)).toMatchObject({ queues: [{ queue: 'orders' }] });
    expect(await all.end('SIGTERM')).toEqual({ code: 0, stderr: '' });
  });

  it.skipIf(!hasPseudoTerminal())('draws the table in its place on a terminal', async () => {
    const args = ['inspect', 'orders', '--watch', '--interval', '0.1', ...place.flags];
    const terminal = { prompt: '\u001b[12F', text: '\u0003' };
    const { code, stdout } = await runProgram(args, place.env, { terminal });

    expect(code).toBe(0);
    expect(stdout).toMatch(/Z, every 100 ms/);
    // Two lines above the ten of the table.
    const drawn = stdout.split('\u001b[12F');
    expect(drawn.length).toBeGreaterThan(1);
    for (const frame of drawn) expect(frame).toMatch(/queue +orders in [^]*held +0 of 10/);
  });

  it('elsewhere prints one table below the other', async () => {
    const watching = startWatch(['orders', ...place.flags], place.env);
    const tables: string[] = [];
    while (tables.length < 2) {
      const line = await watching.next();
      if (line.startsWith('held')) tables.push(line);
    }
    expect(await watching.end('SIGINT')).toEqual({ code: 0, stderr: '' });
  });

  it('ends when nobody reads any more', async () => {
    const args = ['inspect', '--watch', '--interval', '0.1', '--json', ...place.flags];

    expect(await runProgram(args, place.env, { stopReading: true })).toMatchObject({
      ...{ code: 0, stderr: '' },
    });
  });

  it('says at once what was never there', async () => {
    const { code, stderr } = await runProgram(
      ['inspect', 'nowhere', '--watch', ...place.flags],
      place.env,
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/^holdfast-sync-queue: there is no queue nowhere in .+\n$/);
  });
});

it('tells of a store that went away, and goes on when it is back', async () => {
  await using server = await startRedisServer({ appendonly: true });
  const client = new Redis(server.url);
  client.on('error', () => undefined);
  const queue = openQueue(redisStore({ client }), 'orders');
  await queue.add('a');
  const watching = startWatch(['orders', '--json', '--url', server.url]);
  await watching.until(({ stats }) => stats?.count === 1);

  await server.kill();
  const { error } = await watching.until((line) => line.error !== undefined);
  expect(error).toMatch(/^cannot reach Redis at 127\.0\.0\.1:\d+: /);
  await watching.until((line) => line.error !== undefined);
  await server.start();
  await watching.until(({ stats }) => stats?.count === 1);

  await server.kill();
  await watching.until((line) => line.error !== undefined);
  expect(await watching.end('SIGINT')).toEqual({ code: 0, stderr: '' });
  await server.start();
  await queue.close();
  client.disconnect();
});

it.each([
  [['--interval', '1'], '--interval is for --watch'],
  [['--watch', '--interval', '0'], '--interval must be a number of seconds from 0.1 to 86400'],
  [['--watch', '--interval', 'often'], 'from 0.1 to 86400, got "often"'],
])('refuses %j', async (flags, sentence) => {
  const { code, stderr }: FinishedProgram = await runProgram([
    'inspect',
    ...flags,
    '--url',
    'q.db',
  ]);

  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});
