import type { Codec } from './codec.ts';
import { unfit } from './unfit-value.ts';

export const byteaCodec: Codec = {
  oid: 17,
  arrayOid: 1001,
  isBytewise: true,
  write: (out, value) => {
    if (!(value instanceof Uint8Array)) throw unfit('a Uint8Array', value);
    out.int32(value.length);
    out.append(value);
  },
  text: (value) => {
    if (!(value instanceof Uint8Array)) throw unfit('a Uint8Array', value);
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  },
  read: (bytes, at, length) => new Uint8Array(bytes.subarray(at, at + length)),
  parse: (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex')),
};
