import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/internal';
import { isTorture, testSeed, type ServerProcess } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';

const random = seededRandom(testSeed());
/** With its append-only file synced once a second, as most servers have it. */
export const DURABLE = { appendonly: true, settings: { appendfsync: 'everysec' } };

export interface Strike {
  readonly server: ServerProcess;
  readonly admin: Redis;
}

export interface FaultKind {
  readonly name: string;
  readonly full: number;
  readonly small: number;
  /** Resolves when the server answers again. */
  readonly strike: (context: Strike, index: number) => Promise<unknown>;
}

export const FAULTS: readonly FaultKind[] = [
  {
    ...{ name: 'SIGKILL, everysec', full: 20, small: 2 },
    async strike({ server }, index) {
      await server.kill();
      // Now and then long enough for the longest back-off.
      await delay(isTorture && index % 5 === 4 ? 8000 : 600 * random());
      await server.start();
    },
  },
  {
    ...{ name: 'SIGSTOP', full: 10, small: 1 },
    async strike({ server }) {
      await server.freeze();
      await delay(1500);
      server.thaw();
    },
  },
  {
    ...{ name: 'CLIENT KILL', full: 100, small: 5 },
    strike: ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  },
  {
    ...{ name: 'SCRIPT FLUSH', full: 300, small: 10 },
    strike: ({ admin }) => admin.script('FLUSH'),
  },
];

export function connectAdmin({ url }: ServerProcess): Redis {
  const admin = new Redis(url);
  admin.on('error', () => undefined);
  onTestFinished(() => admin.disconnect());
  return admin;
}
