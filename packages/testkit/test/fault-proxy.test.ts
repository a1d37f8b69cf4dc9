import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from '@holdfast/testkit';

/** A client's or a server's end of a connection with everything that has happened to it. */
interface End {
  readonly socket: Socket;
  readonly received: () => string;
  /** Resolves when `text` is all that has come. */
  has(text: string): Promise<void>;
  /** Resolves with `end` or with the code of the error. */
  readonly over: Promise<string>;
}

function watch(socket: Socket): End {
  let text = '';
  const waiters = new Set<() => void>();
  socket.setEncoding('utf8').on('data', (data: string) => {
    text += data;
    for (const waiter of waiters) waiter();
  });
  const over = new Promise<string>((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
  return {
    socket,
    over,
    received: () => text,
    has: (wanted) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (text === wanted) resolve();
        };
        waiters.add(check);
        check();
      }),
  };
}

const server = createServer({ allowHalfOpen: true });
const accepted: ((end: End) => void)[] = [];
const sockets: Socket[] = [];
server.on('connection', (socket) => {
  sockets.push(socket);
  accepted.shift()?.(watch(socket));
});
let proxy: FaultProxy;

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  proxy = await startFaultProxy({ host: '127.0.0.1', port });
});

afterEach(async () => {
  await proxy.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function open(): Promise<{ client: End; far: End }> {
  const far = new Promise<End>((resolve) => accepted.push(resolve));
  const socket = connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true });
  const client = watch(socket);
  return { client, far: await far };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('startFaultProxy', () => {
  it('hands everything on both ways, counts it, and hands on the end', async () => {
    const { client, far } = await open();
    client.socket.write('question');
    await far.has('question');
    far.socket.write('answers');
    await client.has('answers');
    expect(proxy.counters()).toEqual({
      connections: 1,
      openConnections: 1,
      toServerBytes: 8,
      toClientBytes: 7,
    });
    client.socket.end();
    expect(await far.over).toBe('end');
    far.socket.end();
    expect(await client.over).toBe('end');
  });

  it('hands on more than fits into any buffer', async () => {
    const { client, far } = await open();
    const big = 'x'.repeat(8 << 20);
    client.socket.end(big);
    await far.over;
    expect(far.received().length).toBe(big.length);
    far.socket.destroy();
  });

  it('cuts after exactly N bytes: those arrive, the sender sees a reset', async () => {
    const cut = proxy.set('next', { kind: 'cut', rule: { afterBytes: 5 }, direction: 'toServer' });
    const { client, far } = await open();
    client.socket.write('12345678');
    await cut.fired;
    expect([await far.over, far.received()]).toEqual(['end', '12345']);
    expect(await client.over).toBe('ECONNRESET');
  });

  it('cuts before and after a pattern, in either direction', async () => {
    const rule = { pattern: 'OK', when: 'before' } as const;
    const { client, far } = await open();
    const cut = proxy.set('open', { kind: 'cut', rule, direction: 'toClient' });
    far.socket.write('all O');
    await client.has('all ');
    far.socket.write('K then');
    await cut.fired;
    expect([await client.over, client.received()]).toEqual(['end', 'all ']);
    expect(await far.over).toBe('ECONNRESET');
  });

  it('applies a fault for the next connection to that one only', async () => {
    const first = await open();
    proxy.set('next', { kind: 'cut', rule: { afterBytes: 0 }, direction: 'toServer' });
    const second = await open();
    expect(await second.client.over).toBe('ECONNRESET');
    const third = await open();
    for (const { client, far } of [first, third]) {
      client.socket.write('through');
      await far.has('through');
    }
  });

  it('freezes with the sockets open, and hands everything on in order after the thaw', async () => {
    const { client, far } = await open();
    const freeze = proxy.set('open', { kind: 'freeze' });
    client.socket.write('a');
    await freeze.fired;
    client.socket.end('b');
    await pause(20);
    expect(far.received()).toBe('');
    freeze.lift();
    expect([await far.over, far.received()]).toEqual(['end', 'ab']);
  });

  it('delays without changing the order', async () => {
    const { client, far } = await open();
    proxy.set('open', { kind: 'delay', ms: 30, direction: 'toServer' });
    const startMs = performance.now();
    client.socket.write('a');
    await pause(5);
    client.socket.write('b');
    await far.has('ab');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(30);
  });

  it('drops everything silently, the end of the stream as well', async () => {
    const { client, far } = await open();
    const drop = proxy.set('open', { kind: 'drop' });
    client.socket.write('lost');
    await drop.fired;
    client.socket.end();
    await pause(20);
    let isOver = false;
    void far.over.then(() => (isOver = true));
    await pause(0);
    expect([far.received(), isOver]).toEqual(['', false]);
  });

  it('resets every open connection at once', async () => {
    const ends = [await open(), await open()];
    proxy.cutAll();
    for (const { client, far } of ends) {
      expect([await client.over, await far.over]).toEqual(['ECONNRESET', 'ECONNRESET']);
    }
  });

  it('refuses new connections while open ones go on, and accepts again on the same port', async () => {
    const { client, far } = await open();
    await proxy.refuse();
    expect(await watch(connect(proxy.port, proxy.host)).over).toBe('ECONNREFUSED');
    client.socket.write('still here');
    await far.has('still here');
    await proxy.accept();
    await proxy.accept();
    await open();
  });

  it('resets the client when the server is not there', async () => {
    const nowhere = await startFaultProxy({ host: '127.0.0.1', port: 1 });
    expect(await watch(connect(nowhere.port, nowhere.host)).over).toBe('ECONNRESET');
    await nowhere.close();
  });

  it('leads a URL through itself', () => {
    expect(proxy.urlFor('postgres://u:p@db.example:5432/name?x=1')).toBe(
      `postgres://u:p@127.0.0.1:${proxy.port}/name?x=1`,
    );
  });
});
