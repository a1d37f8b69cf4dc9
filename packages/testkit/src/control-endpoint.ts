import { createServer, type ServerResponse } from 'node:http';
import { findServer } from './find-server.ts';
import { SERVER_KINDS, type FoundServer, type ServerKind } from './server-kind.ts';

/** Gives test processes the address of a server that they share, and starts it when the first of them asks. */
export interface ControlEndpoint {
  readonly url: string;
  /** Ends the servers that were started. */
  close(): Promise<void>;
}

/** `GET <url>/<kind>` answers 200 with `{ url }`, or 500 with `{ message }`. Loopback only. */
export async function startControlEndpoint(
  find: (kind: ServerKind) => Promise<FoundServer> = findServer,
): Promise<ControlEndpoint> {
  const found = new Map<ServerKind, Promise<FoundServer>>();
  const server = createServer((request, response) => {
    const kind = SERVER_KINDS.find((name) => request.url === `/${name}`);
    if (kind === undefined) {
      answer(response, 404, { message: `no kind of server: ${request.url ?? ''}` });
      return;
    }
    const promise = found.get(kind) ?? find(kind);
    found.set(kind, promise);
    promise.then(
      ({ url }) => answer(response, 200, { url }),
      (error: unknown) => answer(response, 500, { message: describe(error) }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');

  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const results = await Promise.allSettled(found.values());
      for (const result of results) {
        if (result.status === 'fulfilled') await result.value.close();
      }
    },
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
