import { arrayLiteral, parseArrayLiteral } from './array-literal.ts';
import { flatten, MAX_DIMENSIONS, nest, placeOf, type FlatArray } from './array-shape.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { Codec, Field, KeyRule } from './codec.ts';
import { compareBytes, hashBytes, int32At } from './key-bytes.ts';
import type { PgValue } from './pg-types.ts';
import { UnfitValue } from './unfit-value.ts';

/** Number of dimensions, whether an element is NULL, OID of the elements: each an int32 (array_send in arrayfuncs.c). */
const HEADER = 12;
/** A length and the index of the first element: each an int32. */
const DIMENSION = 8;

/**
 * Nested arrays of elements or NULL, rectangular, up to 6 dimensions. Of json and jsonb one dimension: an array in it is a
 * JSON array.
 */
export function createArrayCodec(element: Codec, elements: 'plain' | 'json'): Codec {
  const dimensions = elements === 'json' ? 1 : MAX_DIMENSIONS;
  const key = element.key === undefined ? undefined : createArrayKey(element.key);
  return {
    oid: element.arrayOid,
    // An array of arrays is of the same type.
    arrayOid: element.arrayOid,
    isBytewise: element.isBytewise,
    ...(key === undefined ? {} : { key }),
    write: (out, value) => writeArray(out, element, flatten(value, dimensions)),
    text: (value) => {
      const { lengths, elements } = flatten(value, dimensions);
      const texts = elements.map((one, index) =>
        isNull(one) ? null : at({ index, lengths }, () => element.text(one)),
      );
      return arrayLiteral({ lengths, elements: texts });
    },
    read: (bytes, from) => nest(readArray(bytes, from, element)) as PgValue,
    parse: (text) => {
      const { lengths, elements } = parseArrayLiteral(text);
      const values = elements.map((one) => (one === null ? null : element.parse(one)));
      return nest({ lengths, elements: values }) as PgValue;
    },
  };
}

function isNull(element: unknown): boolean {
  return element === null || element === undefined;
}

/** Puts the place of the element in front of what `fn` says about it. */
function at<Result>(
  { index, lengths }: { readonly index: number; readonly lengths: readonly number[] },
  fn: () => Result,
): Result {
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof UnfitValue)) throw error;
    throw new UnfitValue(`element ${placeOf(index, lengths)} ${error.message}`, {
      cause: error.cause,
    });
  }
}

function writeArray(
  out: ByteWriter,
  element: Codec,
  { lengths, elements }: FlatArray<unknown>,
): void {
  const start = out.length;
  out.int32(0);
  out.int32(lengths.length);
  out.int32(elements.some(isNull) ? 1 : 0);
  out.int32(element.oid);
  for (const length of lengths) {
    out.int32(length);
    out.int32(1);
  }
  for (const [index, one] of elements.entries()) {
    if (isNull(one)) out.int32(-1);
    else at({ index, lengths }, () => element.write(out, one));
  }
  out.setInt32(start, out.length - start - 4);
}

function readArray(bytes: Buffer, from: number, element: Codec): FlatArray<PgValue> {
  const lengths = Array.from({ length: int32At(bytes, from) }, (_, dimension) =>
    int32At(bytes, from + HEADER + DIMENSION * dimension),
  );
  const count = lengths.length === 0 ? 0 : lengths.reduce((product, length) => product * length);
  const elements: PgValue[] = [];
  let next = from + HEADER + DIMENSION * lengths.length;
  for (let index = 0; index < count; index += 1) {
    const length = int32At(bytes, next);
    elements.push(length === -1 ? null : element.read(bytes, next + 4, length));
    next += 4 + Math.max(0, length);
  }
  return { lengths, elements };
}

/** Element by element, when equal elements may differ in their bytes. NULL equals NULL in an array. */
function createArrayKey(element: KeyRule): KeyRule {
  // Filled anew for each pair, so that comparing allocates nothing.
  const headerA: Field = { bytes: EMPTY, at: 0, length: 0 };
  const headerB: Field = { bytes: EMPTY, at: 0, length: 0 };
  const place = (field: Field, of: Field, from: number, length: number): void => {
    field.bytes = of.bytes;
    field.at = from;
    field.length = length;
  };
  return {
    hash: (bytes, from, length, seed) => {
      const header = headerLength(bytes, from);
      let hash = hashBytes(bytes, from, header, seed);
      for (let next = from + header; next < from + length;) {
        const size = int32At(bytes, next);
        hash =
          size === -1 ? hashBytes(bytes, next, 4, hash) : element.hash(bytes, next + 4, size, hash);
        next += 4 + Math.max(0, size);
      }
      return hash;
    },
    compare: (a, b) => {
      place(headerA, a, a.at, headerLength(a.bytes, a.at));
      place(headerB, b, b.at, headerLength(b.bytes, b.at));
      // With the same dimensions there are as many elements.
      let order = compareBytes(headerA, headerB);
      let nextA = a.at + headerA.length;
      let nextB = b.at + headerB.length;
      while (order === 0 && nextA < a.at + a.length) {
        const sizeA = int32At(a.bytes, nextA);
        const sizeB = int32At(b.bytes, nextB);
        place(headerA, a, nextA + 4, Math.max(0, sizeA));
        place(headerB, b, nextB + 4, Math.max(0, sizeB));
        order =
          sizeA === -1 || sizeB === -1
            ? Math.min(sizeA, 0) - Math.min(sizeB, 0)
            : element.compare(headerA, headerB);
        nextA += 4 + headerA.length;
        nextB += 4 + headerB.length;
      }
      return order;
    },
  };
}

const EMPTY = Buffer.alloc(0);

function headerLength(bytes: Buffer, from: number): number {
  return HEADER + DIMENSION * int32At(bytes, from);
}
