import type { Codec } from './codec.ts';
import { unfit } from './unfit-value.ts';

export const boolCodec: Codec = {
  oid: 16,
  arrayOid: 1000,
  isBytewise: true,
  write: (out, value) => {
    if (typeof value !== 'boolean') throw unfit('a boolean', value);
    out.int32(1);
    out.uint8(value ? 1 : 0);
  },
  text: (value) => {
    if (typeof value !== 'boolean') throw unfit('a boolean', value);
    return value ? 't' : 'f';
  },
  read: (bytes, at) => bytes[at] === 1,
  parse: (text) => text === 't',
};
