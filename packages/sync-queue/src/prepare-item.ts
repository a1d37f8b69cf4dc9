import { randomUUID } from 'node:crypto';
import { requireNumber } from '@holdfast/internal';
import { ItemTooLargeError } from './errors.ts';
import type { AddOptions, Codec } from './queue.ts';
import { requireStorableText } from './require-storable-text.ts';
import type { NewItem } from './store.ts';

/**
 * Makes an item of a value: encoded, with its id, checked.
 *
 * @throws {TypeError | RangeError | ItemTooLargeError} or what the codec throws.
 */
export function prepareItem<T>(
  value: T,
  { id, delayMs }: AddOptions,
  { codec, maxItemBytes }: { readonly codec: Codec<T>; readonly maxItemBytes: number },
): NewItem {
  const encoded = codec.encode(value);
  // Copied, because a codec may use its buffer again while the item waits.
  const payload = typeof encoded === 'string' ? Buffer.from(encoded) : Uint8Array.from(encoded);
  if (payload.length > maxItemBytes) throw new ItemTooLargeError(payload.length, maxItemBytes);
  return {
    id: id === undefined ? randomUUID() : requireStorableText('id', id),
    payload,
    delayMs: requireNumber('delayMs', delayMs ?? 0, { min: 0 }),
  };
}
