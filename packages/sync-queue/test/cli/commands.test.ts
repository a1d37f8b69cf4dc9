import { execFile } from 'node:child_process';
import type { Queue } from '@holdfast/sync-queue';
import { hasPseudoTerminal, parsedOutput, type FinishedProgram } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { bury, openQueue, type Place } from './places.ts';
import { PLACES, useProgram, useQueue } from './set-up.ts';

const program = useProgram();
const runProgram = program.run;

interface Report {
  readonly plan: object;
  readonly report: { readonly redriven: number };
}

describe.each(PLACES)('the command on %s', (_name, createPlace) => {
  let place: Place;
  let queue: Queue<unknown>;
  useQueue(createPlace, (opened) => ({ place, queue } = opened));

  const run = (...args: readonly string[]): Promise<FinishedProgram> =>
    runProgram([...args, ...place.flags], place.env);

  describe('inspect', () => {
    it('shows what a queue holds, its limits, and what is paused', async () => {
      await bury(queue, 'x');
      await queue.add('a', { priority: 0 });
      await queue.addMany(['b', 'c'], { priority: 5, key: 'k' });
      await queue.add('d', { delayMs: 600_000 });
      await queue.pause({ kind: 'priority', priority: 7 });

      const { code, stdout, stderr } = await run('inspect', 'orders');
      const json = parsedOutput(await run('inspect', '--queue', 'orders', '--json'));

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^queue +orders in /);
      expect(stdout).toMatch(/\nheld +4 of 10, 12 B of 1 KiB \(40 %\)\n/);
      expect(stdout).toMatch(/\nready +2, priority 0: 1, priority 5: 1, the oldest for \d/);
      expect(stdout).toMatch(/\ndelayed +1\nleased +0\nwaiting +1 behind their keys\n/);
      expect(stdout).toMatch(/\ndead letters +1 of 10, 3 B of 1 KiB \(10 %\)\n/);
      expect(stdout).toMatch(/\npaused +priority 7\n/);
      expect(json).toMatchObject({
        queue: 'orders',
        schemaVersion: place.schemaVersion,
        settings: {
          limits: { maxCount: 10, maxBytes: 1024 },
          retry: { maxAttempts: 10 },
          order: { onPoison: 'advance' },
          overflow: 'reject',
        },
        stats: {
          ...{ ready: 2, delayed: 1, leased: 0, waiting: 1, count: 4, bytes: 12, dead: 1 },
          readyByPriority: [1, 0, 0, 0, 0, 1, 0, 0],
          paused: [{ kind: 'priority', priority: 7 }],
        },
      });
    });

    it('without a name lists the queues', async () => {
      await using other = openQueue(place.store, 'mails\u001b[2J');
      await other.add('a');

      const { stdout } = await run('inspect');
      const json = parsedOutput(await run('inspect', '--json'));

      expect(stdout.split('\n')[0]).toMatch(/^QUEUE +HELD +READY .* DEAD +OLDEST +PAUSED$/);
      expect(stdout).toMatch(/\nmails%1B\[2J +1 +1 +0 +0 +0 +0 +\d.*-\norders +0 .* - +-\n$/);
      expect(json).toMatchObject([
        { queue: 'mails\u001b[2J', stats: { ready: 1 } },
        { queue: 'orders', stats: { ready: 0 } },
      ]);
    });
  });

  describe('dead', () => {
    it('lists pages and filters', async () => {
      await bury(queue, 'a', 'b', 'c');

      const first = await run('dead', 'orders', '--limit', '2');
      const after = /more: --after (\S+)\n$/.exec(first.stdout)?.[1] ?? '';
      const rest = await run('dead', 'orders', '--after', after);
      const found = await run('dead', 'orders', '--reason', 'of b', '--json');
      const none = await run('dead', 'orders', '--key', 'key a', '--older-than', '1h');

      expect(first.stdout).toMatch(/^ID +DIED +ATTEMPTS +PRIORITY +KEY +SIZE +REASON\n/);
      expect(first.stdout).toMatch(/\n\S+ +\d+.* ago +1 +1 +key a +3 B +because of a\n.* b\n\n/);
      expect(rest.stdout).toMatch(/REASON\n.* because of c\n$/);
      expect(parsedOutput(found)).toMatchObject({
        queue: 'orders',
        letters: [{ key: 'key b', attempt: 1, priority: 1, reason: 'because of b', bytes: 3 }],
        next: null,
      });
      expect(none.stdout).toBe('(none): no dead letters\n');
    });

    it('shows payloads when asked, and lets none steer the terminal', async () => {
      await bury(queue, 'a\u202e');
      const raw = openQueue(place.store, 'raw', {
        codec: { encode: () => Uint8Array.of(0xff, 0), decode: () => 'raw' },
      });
      await bury(raw, 'raw');
      await raw.close();

      const hidden = parsedOutput(await run('dead', 'orders', '--json'));
      const text = await run('dead', 'orders', '--payload');
      const bytes = await run('dead', 'raw', '--payload', '--json');

      expect(JSON.stringify(hidden)).not.toContain('payload');
      expect(text.stdout).toMatch(/because of a%E2%80%AE\n {2}"a%E2%80%AE"\n$/);
      expect(parsedOutput(bytes)).toMatchObject({
        letters: [{ payload: '/wA=', payloadEncoding: 'base64' }],
      });
    });
  });

  describe('dead --purge', () => {
    it('counts in a dry run, deletes what it is told to, and only when it is', async () => {
      await bury(queue, 'a', 'b', 'c');

      const dry = await run('dead', 'orders', '--purge', '--reason', 'of b', '--dry-run');
      expect(dry.code).toBe(0);
      expect(dry.stdout).toMatch(/\nonly letters +with "of b" in their reason\n/);
      expect(dry.stdout).toMatch(/\nto purge +1 of 3 dead letters, for good\ndry run +nothing/);
      expect(await run('dead', 'orders', '--purge')).toMatchObject({
        code: 2,
        stderr: 'holdfast-sync-queue: nothing was done: add --yes to act, or --dry-run to count\n',
      });
      expect(await queue.stats()).toMatchObject({ dead: 3 });

      const args = ['dead', 'orders', '--purge', '--key', 'key b', '--yes', '--json'];
      expect(parsedOutput(await run(...args))).toMatchObject({
        plan: { matched: 1, dead: 3, filter: { key: 'key b' }, dryRun: false },
        report: { purged: 1 },
      });
      expect(await queue.stats()).toMatchObject({ dead: 2, count: 0 });
      expect((await run('dead', 'orders', '--purge', '--yes')).stdout).toMatch(/\n\npurged +2\n$/);
      expect(await queue.stats()).toMatchObject({ dead: 0, deadBytes: 0 });
    });

    it.skipIf(!hasPseudoTerminal())('asks on a terminal', async () => {
      await bury(queue, 'a');
      const args = ['dead', 'orders', '--purge', ...place.flags];
      const answer = (text: string): Promise<FinishedProgram> =>
        runProgram(args, place.env, { terminal: { prompt: 'Go on? [y/N] ', text } });

      expect((await answer('n\n')).code).toBe(2);
      expect((await answer('\u0003')).code).toBe(130);
      expect(await queue.stats()).toMatchObject({ dead: 1 });
      expect((await answer('y\n')).code).toBe(0);
      expect(await queue.stats()).toMatchObject({ dead: 0 });
    });
  });

  describe('redrive', () => {
    it('counts in a dry run, and changes nothing', async () => {
      await bury(queue, 'a', 'b');

      const { code, stdout } = await run('redrive', 'orders', '--reason', 'of b', '--dry-run');

      expect(code).toBe(0);
      expect(stdout).toMatch(/\nonly letters +with "of b" in their reason\n/);
      expect(stdout).toMatch(/\nto redrive +1 of 2 dead letters\nroom +for 10 items or 1 KiB\n/);
      expect(await queue.stats()).toMatchObject({ dead: 2, ready: 0 });
    });

    it('acts only when told to', async () => {
      await bury(queue, 'a', 'b');

      expect(await run('redrive', 'orders')).toMatchObject({
        code: 2,
        stderr: 'holdfast-sync-queue: nothing was done: add --yes to act, or --dry-run to count\n',
      });
      expect(await queue.stats()).toMatchObject({ dead: 2 });
      const args = ['redrive', 'orders', '--key', 'key b', '--yes', '--json'];
      expect(parsedOutput(await run(...args))).toMatchObject({
        plan: { matched: 1, dead: 2, roomCount: 10, perSecond: null, filter: { key: 'key b' } },
        report: { matched: 1, redriven: 1, full: 0, stopped: false },
      });
      expect(await queue.stats()).toMatchObject({ dead: 1, ready: 1 });
    });

    it('keeps to the limits of the queue, and says so', async () => {
      await bury(queue, 'a', 'b', 'c');
      await queue.addMany(Array.from({ length: 8 }, (_, index) => index));

      const { code, stdout } = await run('redrive', 'orders', '--yes');

      expect(code).toBe(1);
      expect(stdout).toMatch(/\nredriven +2\nno room for +1, which are still dead\n$/);
      expect(await queue.stats()).toMatchObject({ count: 10, dead: 1 });
    });

    it('tells how far it has come when it is stopped', async () => {
      await bury(queue, 'a', 'b', 'c', 'd');
      const args = ['redrive', 'orders', '--yes', '--json', '--rate', '0.5', ...place.flags];
      const ended = new Promise<FinishedProgram>((resolve) => {
        const options = { env: { ...process.env, ...place.env }, timeout: 60_000 };
        const child = execFile(
          ...([process.execPath, [program.path, ...args], options] as const),
          (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
        );
        void firstRedriven(queue).then(() => child.kill('SIGINT'));
      });

      const { code, stdout, stderr } = await ended;
      const { report } = JSON.parse(stdout) as Report;
      const { dead, ready } = await queue.stats();

      expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
      expect(report).toMatchObject({ stopped: true, redriven: ready });
      expect(ready).toBeGreaterThan(0);
      expect(dead).toBe(4 - ready);
    });

    it.skipIf(!hasPseudoTerminal())('asks on a terminal', async () => {
      await bury(queue, 'a', 'b');
      const args = ['redrive', 'orders', ...place.flags];
      const answer = (text: string): Promise<FinishedProgram> =>
        runProgram(args, place.env, { terminal: { prompt: 'Go on? [y/N] ', text } });

      expect((await answer('n\n')).code).toBe(2);
      expect((await answer('\u0003')).code).toBe(130);
      expect(await queue.stats()).toMatchObject({ dead: 2 });
      const { code, stdout } = await answer('y\n');

      expect(code).toBe(0);
      expect(stdout).toMatch(/█+ 100 %, 2 of 2, 2 match/);
      expect(stdout.split('\u001b[2K').at(-1)).toMatch(/^\r\nredriven +2\r\n$/);
    });
  });

  it('pauses and resumes the queue, a priority and a key, and says what is paused', async () => {
    expect((await run('pause', 'orders')).stdout).toBe('paused: the queue\n');
    const both = await run('pause', 'orders', '--priority', '2');
    expect(both.stdout).toBe('paused: the queue, priority 2\n');
    const resumed = parsedOutput(await run('resume', 'orders', '--json'));
    expect(resumed).toEqual({ queue: 'orders', paused: [{ kind: 'priority', priority: 2 }] });
    expect((await run('pause', 'orders', '--key', 'k')).stdout).toContain('priority 2, key k\n');
    await run('resume', 'orders', '--key', 'k');

    expect((await queue.stats()).paused).toEqual([{ kind: 'priority', priority: 2 }]);
    expect((await run('resume', 'orders', '--priority', '2')).stdout).toBe('paused: nothing\n');
  });

  it('lets a halted key go on as the queue would', async () => {
    await using halting = openQueue(place.store, 'halting', { order: { onPoison: 'halt-key' } });
    await halting.addMany(['a', 'b', 'c'], { key: 'k' });
    const consumer = halting.consumeEach(({ id }) =>
      Promise.resolve({ id, status: 'dead', reason: 'bad' } as const),
    );
    while (halting.snapshot().dead < 1) await new Promise((resolve) => setImmediate(resolve));
    await consumer.close();
    expect((await run('inspect', 'halting')).stdout).toMatch(/\npaused +key k\n/);

    expect((await run('resume', 'halting', '--key', 'k')).stdout).toBe('paused: nothing\n');

    // One at a time, as its settings say.
    expect(await halting.stats()).toMatchObject({ ready: 1, waiting: 1 });
  });

  it('says that a queue is not there, and makes none', async () => {
    const commands = [['inspect'], ['dead'], ['redrive', '--yes'], ['pause'], ['resume']];
    for (const [command = '', ...flags] of commands) {
      const { code, stdout, stderr } = await run(command, 'nowhere', ...flags);

      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^holdfast-sync-queue: there is no queue nowhere in .+\n$/);
    }
    expect(parsedOutput(await run('inspect', '--json'))).toMatchObject([{ queue: 'orders' }]);
  });

  it('leaves the settings of the queue as they are', async () => {
    await bury(queue, 'a');
    const settings = async (): Promise<unknown> => {
      const found = parsedOutput(await run('inspect', 'orders', '--json'));
      return (found as { readonly settings: unknown }).settings;
    };
    const before = await settings();
    await run('redrive', 'orders', '--yes');
    await run('pause', 'orders');
    await run('resume', 'orders');

    expect(await settings()).toEqual(before);
  });
});

async function firstRedriven(queue: Queue<unknown>): Promise<void> {
  while ((await queue.stats()).ready === 0) await new Promise((resolve) => setImmediate(resolve));
}
