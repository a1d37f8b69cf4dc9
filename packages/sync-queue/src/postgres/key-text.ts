import { createHash } from 'node:crypto';

/** An index entry holds some 2,700 bytes, so longer keys are known by their digest. */
const MAX_INDEXED = 256;

/** The text by which a key is indexed. */
export function indexedText(key: string): string {
  if (key.length <= MAX_INDEXED) return `=${key}`;
  return `#${createHash('sha256').update(key).digest('hex')}`;
}

/** What is stored of a key besides: nothing when the indexed text tells it. */
export function unindexedText(key: string): string | null {
  return key.length <= MAX_INDEXED ? null : key;
}
