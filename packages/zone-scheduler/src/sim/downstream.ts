import type { Clock } from '@holdfast/internal';

/** What the zones share: a database, as a model. */
export interface Downstream {
  /** Runs and waits of this moment. */
  readonly inWork: number;
  /** Resolves when work that takes `serviceMs` on an idle downstream is done. Rejects with what refuses it. */
  serve(serviceMs: number): Promise<void>;
  /** Puts another number of servers in place; those that are busy finish what they do. */
  resize(servers: number): void;
}

/** A connection could not be had in time. */
class PoolTimeoutError extends Error {
  override readonly name = 'PoolTimeoutError';
  readonly code = 'POOL_TIMEOUT';
}

export interface ServersOptions {
  readonly servers: number;
  /** How much slower each run is for each `servers` of runs that wait beyond them; 0: a queue costs nothing. */
  readonly thrash: number;
  /** How long work waits for a server before it is refused; Infinity: for ever. */
  readonly acquireTimeoutMs: number;
}

/**
 * A queue in order of arrival before a number of servers, M/G/K in Kendall's notation; with `acquireTimeoutMs` it is a
 * connection pool. Work that is given up by its caller is done all the same, as a database does.
 */
export function createServers(clock: Clock, options: ServersOptions): Downstream {
  const { thrash, acquireTimeoutMs } = options;
  const waiting = new Set<() => void>();
  let { servers } = options;
  let busy = 0;

  const startWaiting = (): void => {
    for (const start of waiting) {
      if (busy >= servers) return;
      waiting.delete(start);
      start();
    }
  };

  return {
    get inWork() {
      return busy + waiting.size;
    },
    serve: (serviceMs) =>
      new Promise((resolve, reject) => {
        const start = (): void => {
          timer?.cancel();
          busy += 1;
          const beyond = Math.max(0, (busy + waiting.size) / servers - 1);
          clock.setTimer(
            () => {
              busy -= 1;
              startWaiting();
              resolve();
            },
            serviceMs * (1 + thrash * beyond),
          );
        };
        const timer =
          acquireTimeoutMs === Infinity
            ? undefined
            : clock.setTimer(() => {
                waiting.delete(start);
                reject(new PoolTimeoutError(`no connection within ${acquireTimeoutMs} ms`));
              }, acquireTimeoutMs);
        waiting.add(start);
        startWaiting();
      }),
    resize(next) {
      servers = next;
      startWaiting();
    },
  };
}

export interface UslOptions {
  /** Share of the work that only one can do at a time. */
  readonly contention: number;
  /** Cost of each pair of runs that must agree. */
  readonly coherency: number;
}

/**
 * Throughput by the universal scalability law, `N / (1 + contention (N-1) + coherency N (N-1))`: beyond its peak more runs
 * get less done. Source: N. J. Gunther, "Guerrilla Capacity Planning" (2007), chapter 4.
 */
export function createUsl(clock: Clock, { contention, coherency }: UslOptions): Downstream {
  let inWork = 0;
  return {
    get inWork() {
      return inWork;
    },
    serve: (serviceMs) =>
      new Promise((resolve) => {
        inWork += 1;
        const others = inWork - 1;
        const slower = 1 + contention * others + coherency * inWork * others;
        clock.setTimer(() => {
          inWork -= 1;
          resolve();
        }, serviceMs * slower);
      }),
    resize: () => undefined,
  };
}
