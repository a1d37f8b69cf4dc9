import { findServer } from './find-server.ts';
import type { FoundServer, ServerKind } from './server-kind.ts';

/**
 * A server of `kind` to work on: the run's shared one inside vitest (its `close` does nothing), one of its own
 * elsewhere, which ends with `close`.
 */
export async function useServer(kind: ServerKind): Promise<FoundServer> {
  const control = await controlUrl();
  if (control === undefined) return useOwnServer(kind);
  const response = await fetch(`${control}/${kind}`);
  const body = (await response.json()) as { url: string } | { message: string };
  if ('message' in body) throw new Error(body.message);
  return { url: body.url, how: 'the shared server of this run', close: () => Promise.resolve() };
}

interface OwnServer {
  readonly server: Promise<FoundServer>;
  users: number;
}

const own = new Map<ServerKind, OwnServer>();

/** Outside vitest several fixtures of one process share a server as well; the last one to close ends it. */
async function useOwnServer(kind: ServerKind): Promise<FoundServer> {
  const entry = own.get(kind) ?? { server: findServer(kind), users: 0 };
  own.set(kind, entry);
  entry.users += 1;
  let isClosed = false;
  const leave = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    entry.users -= 1;
    if (entry.users > 0) return;
    own.delete(kind);
    await entry.server.then((server) => server.close());
  };
  try {
    const server = await entry.server;
    return { ...server, close: leave };
  } catch (error) {
    own.delete(kind);
    throw error;
  }
}

async function controlUrl(): Promise<string | undefined> {
  if (process.env['VITEST_WORKER_ID'] === undefined) return undefined;
  try {
    const { inject } = await import('vitest');
    return inject('holdfastServers');
  } catch {
    // A child process of a test inherits the variable, but it is no worker of vitest.
    return undefined;
  }
}
