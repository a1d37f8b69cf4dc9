import { createHash } from 'node:crypto';

/** A number from 0 up to 1 that is always the same for a text, evenly spread over texts. */
export function drawOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
