import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { checkOut, createDeferred } from '@holdfast/internal';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** One message of the protocol: a letter, its length with itself, its body (PostgreSQL manual, chapter 55.7). */
function message(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A server that says in one piece that it is ready and that it goes away. */
async function startLeavingServer(): Promise<pg.Pool> {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.end(
        Buffer.concat([
          message('R', Buffer.alloc(4)),
          message('Z', Buffer.from('I')),
          message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mgoing away\0\0')),
        ]),
      );
    });
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return new pg.Pool({ host: '127.0.0.1', port, user: 'u', database: 'd' });
}

/** The events `error` of the clients that a pool hands out, and how many of them nobody listened to. */
function watch(pool: pg.Pool): { unheard: number } {
  const seen = { unheard: 0 };
  pool.on('connect', (client) => {
    const emit = client.emit.bind(client) as (event: string, ...args: unknown[]) => boolean;
    Object.assign(client, {
      emit(event: string, ...args: unknown[]) {
        if (event !== 'error' || client.listenerCount('error') > 0) return emit(event, ...args);
        seen.unheard += 1;
        return true;
      },
    });
  });
  pool.on('error', () => undefined);
  return seen;
}

test('a listener added by the use hears a connection that ends in the moment in which it is ready', async () => {
  const pool = await startLeavingServer();
  const seen = watch(pool);
  const heard = createDeferred<Error>();

  const client = await checkOut(pool, (taken: pg.PoolClient) => {
    taken.on('error', (error) => heard.resolve(error));
    return taken;
  });

  expect(await heard.promise).toMatchObject({ code: '57P01' });
  expect(seen.unheard).toBe(0);
  client.release(true);
  await pool.end();
});

test('control: a listener added behind the promise of the pool comes too late', async () => {
  const pool = await startLeavingServer();
  const seen = watch(pool);

  const client = await pool.connect();
  client.on('error', () => undefined);

  expect(seen.unheard).toBe(1);
  client.release(true);
  await pool.end();
});

test('takes the client of a pool that only gives a promise', async () => {
  const client = { name: 'one' };
  expect(await checkOut({ connect: async () => client }, ({ name }) => name)).toBe('one');
});

test('takes the client once from a pool that answers in both ways', async () => {
  const client = {};
  let uses = 0;
  const both = {
    async connect(callback?: (error: undefined, given: object) => void) {
      callback?.(undefined, client);
      return client;
    },
  };
  await checkOut(both, () => (uses += 1));
  await new Promise(setImmediate);
  expect(uses).toBe(1);
});

test('rejects with the error of the pool, and with that of the use', async () => {
  const refused = new Error('refused');
  await expect(checkOut({ connect: () => Promise.reject(refused) }, () => 0)).rejects.toBe(refused);
  const pool = new pg.Pool({ host: '127.0.0.1', port: 1 });
  await expect(checkOut(pool, () => 0)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await pool.end();
  await expect(checkOut(pool, () => 0)).rejects.toThrow('after calling end');
  const broken = checkOut({ connect: async () => ({}) }, () => {
    throw refused;
  });
  await expect(broken).rejects.toBe(refused);
});
