import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnGuarded, type Command, type GuardedProcess } from './guarded-process.ts';

/** A server of a test's own, which the test may break. */
export interface ServerProcess {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Of the main process; undefined while the server is down. */
  readonly pid: number | undefined;
  /** Asks the server to end and waits until it has. */
  stop(): Promise<void>;
  /** Brings the server up again on the same port with the same data; resolves when it answers. */
  start(): Promise<void>;
  /** SIGKILL for all its processes; resolves when none of them runs. */
  kill(): Promise<void>;
  /** SIGSTOP for all its processes: connections stay open and nobody answers. */
  freeze(): Promise<void>;
  /** Ends a freeze. */
  thaw(): void;
  /** Ends the server for good and removes its data. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerSpec {
  readonly name: string;
  /** Holds data and log; removed by `close()`. */
  readonly directory: string;
  readonly stopSignal: NodeJS.Signals;
  readonly urlOf: (port: number) => string;
  readonly commandFor: (port: number) => Command;
  /** Resolves when the server at `url` answers, rejects when it does not. */
  readonly probe: (url: string) => Promise<void>;
}

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * Runs a server's program on a free port.
 *
 * @throws when it does not answer within 60 seconds or ends by itself; the message holds the end of its log.
 */
export async function startServerProcess(spec: ServerSpec): Promise<ServerProcess> {
  const logPath = join(spec.directory, 'log');
  let current: GuardedProcess | undefined;
  let isClosed = false;
  let port = 0;

  const launch = async (): Promise<void> => {
    const log = openSync(logPath, 'a');
    try {
      current = await spawnGuarded(spec.commandFor(port), ['ignore', log, log]);
    } finally {
      closeSync(log);
    }
    await waitUntilReady(spec, current, port, logPath);
  };
  const running = (): GuardedProcess | undefined =>
    current?.hasExited() === false ? current : undefined;

  const server: ServerProcess = {
    get url() {
      return spec.urlOf(port);
    },
    host: HOST,
    get port() {
      return port;
    },
    get pid() {
      return running()?.pid;
    },
    async start() {
      if (isClosed) throw new Error(`the ${spec.name} server is closed`);
      if (running() === undefined) await launch();
    },
    async stop() {
      const process = running();
      if (process === undefined) return;
      process.thaw();
      process.child.kill(spec.stopSignal);
      const giveUp = new AbortController();
      const timeout = delay(STOP_TIMEOUT_MS, 'timeout', { signal: giveUp.signal }).catch(() => '');
      const winner = await Promise.race([process.exited, timeout]);
      giveUp.abort();
      if (winner === 'timeout') await process.kill();
    },
    async kill() {
      await running()?.kill();
    },
    async freeze() {
      await running()?.freeze();
    },
    thaw: () => running()?.thaw(),
    async close() {
      isClosed = true;
      await running()?.kill();
      await rm(spec.directory, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => server.close(),
  };

  // Another process may take the free port before the server does: then try another one.
  for (let attempt = 1; ; attempt += 1) {
    port = await freePort();
    try {
      await launch();
      return server;
    } catch (error) {
      await server.kill();
      const isPortTaken = /address (already )?in use/i.test(String(error));
      if (!isPortTaken || attempt === 5) {
        await server.close();
        throw error;
      }
    }
  }
}

async function waitUntilReady(
  spec: ServerSpec,
  process: GuardedProcess,
  port: number,
  logPath: string,
): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    let reason: unknown;
    try {
      await spec.probe(spec.urlOf(port));
      if (!process.hasExited()) return;
    } catch (error) {
      reason = error;
    }
    const isLate = performance.now() > deadlineMs;
    if (process.hasExited() || isLate) {
      const log = await readFile(logPath, 'utf8').catch(() => '');
      const what = isLate ? `did not answer in ${START_TIMEOUT_MS} ms` : 'ended while starting';
      throw new Error(`the ${spec.name} server ${what}; its log ends:\n${log.slice(-2000)}`, {
        cause: reason,
      });
    }
    await delay(20);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
