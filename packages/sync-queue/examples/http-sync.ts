import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { isHoldfastError, type Push, type PushReply, type Receiver } from '@holdfast/sync-queue';

/** The client's half. Rejecting says that nobody knows what became of the request: it is sent again. */
export function httpPush(url: string, token: () => string): Push {
  return async (request, { signal }) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal, // aborts after batch.timeoutMs and when the outbox is closed
    });
    if (response.status === 401) return { status: 'auth' };
    if (response.status === 429 || response.status === 503) return { status: 'retry' };
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return (await response.json()) as PushReply; // the outbox checks it
  };
}

/** The server's half. Yours also signs clients in (401), and bounds what it reads of a body. */
export function syncServer(receiver: Receiver): Server {
  return createServer((request, response) => {
    void answerOf(receiver, request).then(([status, reply]) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(reply));
    });
  });
}

async function answerOf(receiver: Receiver, request: IncomingMessage): Promise<[number, object]> {
  try {
    return [200, await receiver.receive(JSON.parse(await text(request)))];
  } catch (error) {
    const isWrong = error instanceof SyntaxError || isHoldfastError(error, 'PUSH_REQUEST_INVALID');
    return [isWrong ? 400 : 503, {}];
  }
}
