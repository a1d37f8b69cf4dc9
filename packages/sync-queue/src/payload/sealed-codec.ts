import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { isUint8Array } from 'node:util/types';
import { requireObject, requireOptions } from '@holdfast/internal';
import { countOf } from '../count-of.ts';
import { kindOf } from '../kind-of.ts';
import type { Codec } from '../queue-options.ts';
import { PayloadDamagedError, PayloadKeyMissingError } from './payload-errors.ts';

export interface SealedCodecOptions {
  /** By id, of at most 255 bytes; each key has 32 bytes. Keep old ones as long as something sealed with them is held. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
  /** The id of the key that seals from now on. */
  readonly current: string;
  /** Bound to each payload without being in it, for example the name of the store: elsewhere it does not open. */
  readonly aad?: string | undefined;
}

/** A codec that can also seal bytes which are encoded already. */
export interface SealingCodec<T> extends Codec<T> {
  sealBytes(bytes: Uint8Array): Uint8Array;
  /** @throws {PayloadKeyMissingError | PayloadDamagedError} */
  openBytes(sealed: Uint8Array): Uint8Array;
}

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
/** The length of an id stands in one byte. */
const MAX_ID_BYTES = 255;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** `hs`, the format's number, the length of the key's id. */
const FIXED_BYTES = 4;
const FORMAT = 1;

/**
 * Seals what `inner` encodes with AES-256-GCM (NIST SP 800-38D). The id of the key stands in front, so that keys can be
 * changed while older payloads are held. The nonce is random: change the key before it has sealed 2^32 payloads.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function sealedCodec<T>(inner: Codec<T>, options: SealedCodecOptions): SealingCodec<T> {
  requireOptions('sealedCodec', options, { keys: true, current: true, aad: true });
  const keys = new Map(Object.entries(requireObject('keys', options.keys)));
  // No message shows an id: who mistakes it for the key itself finds no key in a log.
  for (const [index, [id, key]] of [...keys].entries()) {
    requireIdOfKey(id);
    requireKey(`the key at index ${index} of keys`, key);
  }
  const { current } = options;
  const currentKey = keys.get(current);
  if (currentKey === undefined) {
    throw new TypeError(
      `current must be the id of one of the ${countOf(keys.size, 'key')} in keys`,
    );
  }
  const aad = Buffer.from(options.aad ?? '');

  const sealBytes = (bytes: Uint8Array): Uint8Array => {
    const id = Buffer.from(current);
    const header = Buffer.concat([Buffer.from([0x68, 0x73, FORMAT, id.length]), id]);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, currentKey, nonce);
    cipher.setAAD(Buffer.concat([header, aad]));
    const sealed = [cipher.update(bytes), cipher.final()];
    return Buffer.concat([header, nonce, ...sealed, cipher.getAuthTag()]);
  };

  const openBytes = (payload: Uint8Array): Uint8Array => {
    const { id, header, nonce, sealed, tag } = takeApart(payload);
    const key = keys.get(id);
    if (key === undefined) throw new PayloadKeyMissingError(id);
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.concat([header, aad]));
    decipher.setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(sealed), decipher.final()]);
    } catch (cause) {
      throw new PayloadDamagedError(`key ${id} does not open it`, { cause });
    }
  };

  return {
    encode(value) {
      const encoded = inner.encode(value);
      return sealBytes(typeof encoded === 'string' ? Buffer.from(encoded) : encoded);
    },
    decode: (payload) => inner.decode(openBytes(payload)),
    sealBytes,
    openBytes,
  };
}

function requireIdOfKey(id: string): void {
  const bytes = Buffer.byteLength(id);
  if (bytes >= 1 && bytes <= MAX_ID_BYTES) return;
  throw new RangeError(`an id in keys must have 1 to ${MAX_ID_BYTES} bytes, got ${bytes}`);
}

/** A text of as many characters would do for the cipher, and would be a weak key. */
function requireKey(name: string, key: unknown): void {
  const rule = `${name} must be a Uint8Array of ${KEY_BYTES} bytes`;
  if (!isUint8Array(key)) throw new TypeError(`${rule}, got ${kindOf(key)}`);
  if (key.length !== KEY_BYTES) throw new RangeError(`${rule}, got ${key.length} bytes`);
}

interface Parts {
  readonly id: string;
  readonly header: Buffer;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
  readonly tag: Buffer;
}

function takeApart(payload: Uint8Array): Parts {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const idEnd = FIXED_BYTES + (bytes[3] ?? 0);
  const isOurs = bytes[0] === 0x68 && bytes[1] === 0x73 && bytes[2] === FORMAT;
  if (!isOurs || bytes.length < idEnd + NONCE_BYTES + TAG_BYTES) {
    throw new PayloadDamagedError('it is not sealed');
  }
  return {
    id: bytes.toString('utf8', FIXED_BYTES, idEnd),
    header: bytes.subarray(0, idEnd),
    nonce: bytes.subarray(idEnd, idEnd + NONCE_BYTES),
    sealed: bytes.subarray(idEnd + NONCE_BYTES, bytes.length - TAG_BYTES),
    tag: bytes.subarray(bytes.length - TAG_BYTES),
  };
}
