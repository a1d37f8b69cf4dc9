import type { DeadFilter, DeadLetter } from '../dead-letter.ts';
import { deadLettersOf } from './dead-letters-of.ts';
import type { OperatedQueue } from './stores/operated-store.ts';

export interface DeadRequest {
  readonly filter: DeadFilter;
  readonly limit: number;
  readonly after: string | undefined;
  readonly hasPayload: boolean;
}

/** A letter as JSON can tell it. */
export interface ShownLetter {
  readonly id: string;
  readonly attempt: number;
  readonly priority: number;
  readonly key: string | null;
  readonly reason: string;
  readonly enqueuedAt: string;
  readonly diedAt: string;
  readonly bytes: number;
  readonly payload?: string;
  readonly payloadEncoding?: 'utf8' | 'base64';
}

export interface ShownPage {
  readonly queue: string;
  readonly letters: readonly ShownLetter[];
  /** Null: there are no more. */
  readonly next: string | null;
}

export async function listDead(
  queue: OperatedQueue,
  { filter, limit, after, hasPayload }: DeadRequest,
): Promise<ShownPage> {
  const page = await deadLettersOf(queue).list({ filter, limit, after });
  const letters = page.letters.map((letter) => toShown(letter, hasPayload));
  return { queue: queue.name, letters, next: page.next ?? null };
}

function toShown(letter: DeadLetter<Uint8Array>, hasPayload: boolean): ShownLetter {
  const { id, attempt, priority, key, reason, payload, enqueuedAtMs, diedAtMs } = letter;
  return {
    ...{ id, attempt, priority, key: key ?? null, reason },
    enqueuedAt: new Date(enqueuedAtMs).toISOString(),
    diedAt: new Date(diedAtMs).toISOString(),
    bytes: payload.length,
    ...(hasPayload ? encoded(payload) : {}),
  };
}

/** As text only what comes back as the same bytes. */
function encoded(payload: Uint8Array): Required<Pick<ShownLetter, 'payload' | 'payloadEncoding'>> {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return { payload: text, payloadEncoding: 'utf8' };
  return { payload: bytes.toString('base64'), payloadEncoding: 'base64' };
}
