import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';

/** The part of redlock 5 that is measured; its package does not let TypeScript find its own types. */
export interface Redlock {
  acquire(
    resources: readonly string[],
    durationMs: number,
  ): Promise<{ release(): Promise<unknown> }>;
  using<T>(resources: readonly string[], durationMs: number, fn: () => Promise<T>): Promise<T>;
}

/** A mutex of advisory-lock 2. */
export interface Mutex {
  withLock<T>(fn: () => Promise<T>): Promise<T>;
}

const load = createRequire(import.meta.url);

export function createRedlock(
  client: Redis,
  options: { readonly retryCount?: number } = {},
): Redlock {
  const { default: Constructor } = load('redlock') as {
    readonly default: new (clients: readonly Redis[], options: object) => Redlock;
  };
  return new Constructor([client], options);
}

export function createMutex(url: string, name: string): Mutex {
  const { default: create } = load('advisory-lock') as {
    readonly default: (url: string) => (name: string) => Mutex;
  };
  return create(url)(name);
}
