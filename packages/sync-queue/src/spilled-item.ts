import type { NewItem } from './store.ts';

/** What is kept of an item beside its payload; `dueAtMs` by the wall clock. */
type Head = Omit<NewItem, 'payload' | 'delayMs'> & { readonly dueAtMs: number };

/** The length of the head in 4 bytes, the head as JSON, the payload. */
export function encodeSpilled(
  { payload, delayMs, ...rest }: NewItem,
  wallNowMs: number,
): Uint8Array {
  const head: Head = { ...rest, dueAtMs: delayMs === 0 ? 0 : wallNowMs + delayMs };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, payload]);
}

export function decodeSpilled(bytes: Uint8Array, wallNowMs: number): NewItem {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + buffer.readUInt32BE(0);
  const { dueAtMs, ...rest } = JSON.parse(buffer.toString('utf8', 4, end)) as Head;
  return { ...rest, payload: buffer.subarray(end), delayMs: Math.max(0, dueAtMs - wallNowMs) };
}
