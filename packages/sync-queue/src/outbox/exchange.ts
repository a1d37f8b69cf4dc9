import { raceAbort, type Clock } from '@holdfast/internal';
import { readReply, type ReadReply } from './read-reply.ts';
import type { Push, PushRequest } from './wire.ts';

export type Exchange =
  | (Exclude<ReadReply, { kind: 'nonsense' }> & { readonly rttMs: number })
  /** No answer, or nothing that is one: the server may have applied all of it. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** Sends one request; never rejects. */
export async function exchange(
  push: Push,
  request: PushRequest,
  { clock, timeoutMs, closing }: { clock: Clock; timeoutMs: number; closing: AbortSignal },
): Promise<Exchange> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(closing.reason);
  const timer = clock.setTimer(() => {
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  closing.addEventListener('abort', abort, { once: true });
  const startedMs = clock.now();
  try {
    const { signal } = controller;
    if (closing.aborted) throw closing.reason;
    // The transport may not listen to the signal; the wait ends all the same.
    const reply: unknown = await raceAbort((async () => push(request, { signal }))(), signal);
    const read = readReply(reply, request.ops);
    if (read.kind === 'nonsense') {
      return { kind: 'failed', error: new TypeError(`no answer of a receiver: ${read.problem}`) };
    }
    return { ...read, rttMs: clock.now() - startedMs };
  } catch (error) {
    return { kind: 'failed', error };
  } finally {
    timer.cancel();
    closing.removeEventListener('abort', abort);
  }
}

/** What a verdict about a whole request says of the link. */
export function troubleOf(verdict: Extract<Exchange, { kind: 'request' }>['verdict']): {
  readonly reason: 'offline' | 'auth' | 'busy';
  readonly afterMs?: number | undefined;
} {
  switch (verdict.status) {
    case 'auth':
      return { reason: 'auth' };
    case 'retry':
      return { reason: 'busy', afterMs: verdict.afterMs };
    case 'unknown':
      return { reason: 'offline' };
    default: {
      const impossible: never = verdict;
      return impossible;
    }
  }
}
