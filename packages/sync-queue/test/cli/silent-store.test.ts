import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OperatedStore } from '../../src/cli/stores/operated-store.ts';
import { createPatience } from '../../src/cli/patience.ts';
import { watch, type Watched } from '../../src/cli/watch.ts';
import { useProgram } from './set-up.ts';

const NEVER = new Promise<never>(() => undefined);
const STORE = {} as unknown as OperatedStore;

const program = useProgram();

/** Watches a store that is as told, and collects its lines; `next` waits for one. */
function startWatch({ withStore, look }: Pick<Watched<number>, 'withStore' | 'look'>) {
  const stop = new AbortController();
  const lines: unknown[] = [];
  const printed = new EventTarget();
  const ended = watch(
    { withStore, look, text: String, line: (value) => ({ value }) },
    { request: { intervalMs: 100 }, json: true },
    {
      ...{ signal: stop.signal, stdout: new PassThrough() },
      print(text) {
        lines.push(JSON.parse(text));
        printed.dispatchEvent(new Event('line'));
      },
    },
  );
  return {
    ended,
    stop: () => stop.abort(),
    async next(): Promise<unknown> {
      if (lines.length === 0) await once(printed, 'line');
      return lines.shift();
    },
  };
}

describe('the patience with a store', () => {
  it('lasts for as long as nothing is asked of it', async () => {
    const { signal: told } = new AbortController();
    const [rested, patience] = [createPatience(60, told), createPatience(20, told)];
    patience.answered();
    await once(rested.signal, 'abort');
    expect(patience.signal.aborted).toBe(false);

    patience.ask();
    await once(patience.signal, 'abort');
    expect(patience.signal.reason).toMatchObject({ name: 'OperatorError' });
  });
});

describe('watch', () => {
  it('ends when it is told to while it opens the store', async () => {
    const watching = startWatch({ withStore: () => NEVER, look: async () => Promise.resolve(1) });
    watching.stop();
    expect(await watching.ended).toBe(0);
  });

  it('ends when it is told to while it looks', async () => {
    let looks = (): void => undefined;
    const looking = new Promise<void>((resolve) => (looks = resolve));
    const watching = startWatch({
      withStore: (fn) => fn(STORE),
      async look() {
        looks();
        return NEVER;
      },
    });
    await looking;
    watching.stop();
    expect(await watching.ended).toBe(0);
  });

  it(
    'tells of a store that answers no more, drops it and opens it again',
    { timeout: 30_000 },
    async () => {
      let looks = 0;
      const signals: AbortSignal[] = [];
      const watching = startWatch({
        async withStore(fn, signal) {
          signals.push(signal);
          await fn(STORE);
        },
        async look() {
          looks += 1;
          return looks === 2 ? NEVER : Promise.resolve(looks);
        },
      });
      expect(await watching.next()).toMatchObject({ value: 1 });
      expect(await watching.next()).toMatchObject({
        error: 'the store has not answered for 5.0 s',
      });
      expect(await watching.next()).toMatchObject({ value: 3 });
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
      watching.stop();
      expect(await watching.ended).toBe(0);
    },
  );
});

describe.each(['redis', 'postgres'])(
  'inspect --watch of a %s server that never answers',
  (kind) => {
    let server: Server;
    let url: string;
    const sockets: Socket[] = [];

    beforeEach(async () => {
      // It does not even close its side when the client has closed its own.
      server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => undefined).resume();
        sockets.push(socket);
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      url = `${kind}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
      server.close();
    });

    const start = () => {
      const args = [
        program.path,
        'inspect',
        '--watch',
        '--interval',
        '0.1',
        '--json',
        '--url',
        url,
      ];
      const child = spawn(process.execPath, args);
      let stderr = '';
      child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
      const ended = once(child, 'close').then(([code]: (number | null)[]) => ({ code, stderr }));
      return { child, ended };
    };

    it('ends when it is told to', async () => {
      const { child, ended } = start();
      await once(server, 'connection');
      child.kill('SIGTERM');
      expect(await ended).toEqual({ code: 0, stderr: '' });
    });

    it('says so', { timeout: 30_000 }, async () => {
      const { code, stderr } = await start().ended;
      expect(code).toBe(2);
      expect(stderr).toMatch(/ not answer(ed for 5\.0| within 5) s\n$/);
    });
  },
);
