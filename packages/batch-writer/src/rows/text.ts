import type { ByteWriter } from './byte-writer.ts';
import type { Codec } from './codec.ts';
import type { NulPolicy } from './pg-types.ts';
import { unfit, UnfitValue } from './unfit-value.ts';

export function createTextCodec(nul: NulPolicy): Codec {
  return {
    oid: 25,
    arrayOid: 1009,
    isBytewise: true,
    write: (out, value) => {
      if (typeof value !== 'string') throw unfit('a string', value);
      const start = out.length;
      out.int32(0);
      // A short text of ASCII, which most are, is checked while it is copied.
      if (!out.tryAscii(value)) out.utf8(storable(value, nul));
      out.setInt32(start, out.length - start - 4);
    },
    text: (value) => {
      if (typeof value !== 'string') throw unfit('a string', value);
      return storable(value, nul);
    },
    read: (bytes, at, length) => bytes.toString('utf8', at, at + length),
    parse: (text) => text,
  };
}

/** A string in the input syntax of a type that is not known here: sent as text only, so it needs no OID. */
export function createUnknownCodec(nul: NulPolicy): Codec {
  return { ...createTextCodec(nul), oid: 705, arrayOid: 0 };
}

/** Appends the int32 length and the UTF-8 of a text that needs no check. */
export function writeUtf8(out: ByteWriter, text: string): void {
  const start = out.length;
  out.int32(0);
  out.utf8(text);
  out.setInt32(start, out.length - start - 4);
}

function storable(text: string, nul: NulPolicy): string {
  // UTF-8 has no form for half a pair; U+FFFD would be stored instead.
  if (/\p{Surrogate}/u.test(text)) throw new UnfitValue('text holds half a surrogate pair');
  if (!text.includes('\u0000')) return text;
  if (nul === 'strip') return text.replaceAll('\u0000', '');
  throw new UnfitValue('text cannot hold a NUL character');
}
