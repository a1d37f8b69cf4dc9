import { isUint8Array } from 'node:util/types';
import { kindOf } from '../kind-of.ts';
import type { Codec } from '../queue-options.ts';
import { PayloadInvalidError } from './payload-errors.ts';

/** The bytes that `codec` makes of `value`. @throws {PayloadInvalidError} */
export function encodePayload<T>(codec: Codec<T>, value: T): Uint8Array {
  const encoded = encode(codec, value);
  if (typeof encoded === 'string') return Buffer.from(encoded);
  // Copied, because a codec may use its buffer again while the payload is held.
  if (isUint8Array(encoded)) return Uint8Array.from(encoded);
  const rule = 'codec.encode must return a string or a Uint8Array';
  throw new PayloadInvalidError(new TypeError(`${rule}, got ${kindOf(encoded)}`));
}

function encode<T>(codec: Codec<T>, value: T): unknown {
  try {
    return codec.encode(value);
  } catch (cause) {
    throw new PayloadInvalidError(cause);
  }
}
