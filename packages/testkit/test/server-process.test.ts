import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { connectAsync } from 'mqtt';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startMosquittoServer, startPostgresServer, startRedisServer } from '@holdfast/testkit';
import { Client } from 'pg';
import { PROBES } from '../src/probes.ts';
import { descendantsOf, runningAmong } from '../src/process-tree.ts';
import { processDirectory } from '../src/watchdog.ts';

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<object>(text);
  await client.end();
  return rows;
}

async function redisCommand(url: string, ...args: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(url);
  const result = await client.call(...args);
  client.disconnect();
  return result;
}

describe('a private PostgreSQL server', () => {
  it('keeps its port and its data when it is killed, and when it is stopped', async () => {
    await using server = await startPostgresServer();
    const { url, port, pid } = server;
    await query(url, 'CREATE TABLE kept AS SELECT 7 AS n');
    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.start();
    expect([server.port, server.pid === pid]).toEqual([port, false]);
    await server.stop();
    await server.start();
    expect(await query(url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('leaves no process behind when it is killed with connections open', async () => {
    await using server = await startPostgresServer();
    const client = new Client({ connectionString: server.url });
    client.on('error', () => {});
    await client.connect();
    const processes = await descendantsOf(server.pid!);
    expect(processes.length).toBeGreaterThan(1);
    await server.kill();
    expect(await runningAmong(processes)).toEqual([]);
  });

  it('answers nobody while frozen, not even on an open connection, and goes on after the thaw', async () => {
    await using server = await startPostgresServer();
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await server.freeze();
    await expect(PROBES.postgres(server.url)).rejects.toThrow();
    let isAnswered = false;
    const answer = client.query('SELECT 1').then(() => (isAnswered = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isAnswered).toBe(false);
    server.thaw();
    await answer;
    await client.end();
  });

  it('takes further settings', async () => {
    await using server = await startPostgresServer({ settings: { max_connections: '13' } });
    expect(await query(server.url, 'SHOW max_connections')).toEqual([{ max_connections: '13' }]);
  });

  it('shows the end of its log when it does not start', async () => {
    await expect(startPostgresServer({ settings: { no_such_setting: '1' } })).rejects.toThrow(
      /ended while starting; its log ends:[^]*no_such_setting/,
    );
  });

  it('removes its data on close, and cannot be started any more', async () => {
    const server = await startPostgresServer();
    const { url } = server;
    await server.freeze();
    await server.close();
    await server.close();
    await expect(PROBES.postgres(url)).rejects.toThrow();
    await expect(server.start()).rejects.toThrow('the PostgreSQL server is closed');
  });
});

describe('a private Redis server', () => {
  it('keeps what it has acknowledged when it is killed, with appendonly', async () => {
    await using server = await startRedisServer({ appendonly: true });
    await redisCommand(server.url, 'SET', 'k', 'v');
    await server.kill();
    await server.start();
    expect(await redisCommand(server.url, 'GET', 'k')).toBe('v');
  });

  it('forgets when it is killed without appendonly (negative control)', async () => {
    await using server = await startRedisServer();
    await redisCommand(server.url, 'SET', 'k', 'v');
    await server.kill();
    await server.start();
    expect(await redisCommand(server.url, 'GET', 'k')).toBeNull();
  });

  it('accepts connections but does not answer while frozen', async () => {
    await using server = await startRedisServer();
    await server.freeze();
    const socket = connect(server.port, server.host);
    await new Promise((resolve) => socket.once('connect', resolve));
    await expect(PROBES.redis(server.url)).rejects.toThrow();
    server.thaw();
    await PROBES.redis(server.url);
    socket.destroy();
  });
});

describe('a private Mosquitto broker', () => {
  it('keeps a retained message over a stop, with persistence', async () => {
    await using server = await startMosquittoServer({ persistence: true });
    const client = await connectAsync(server.url, { protocolVersion: 5 });
    await client.publishAsync('kept', 'v', { qos: 1, retain: true });
    await client.endAsync();
    await server.stop();
    await server.start();
    const reader = await connectAsync(server.url, { protocolVersion: 5 });
    const message = new Promise<string>((resolve) =>
      reader.once('message', (_topic, payload) => resolve(payload.toString())),
    );
    await reader.subscribeAsync('kept', { qos: 1 });
    expect(await message).toBe('v');
    await reader.endAsync();
  });
});

it('keeps everything that servers write in one directory of this process', () => {
  expect(existsSync(processDirectory())).toBe(true);
});
