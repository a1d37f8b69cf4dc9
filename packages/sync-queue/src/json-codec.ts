import type { Codec } from './queue-options.ts';

/** JSON in UTF-8. */
export function jsonCodec<T>(): Codec<T> {
  return {
    encode(value) {
      // Typed as always a string, but undefined and functions give undefined.
      const text: unknown = JSON.stringify(value);
      if (typeof text !== 'string') throw new TypeError(`JSON cannot hold ${typeof value}`);
      return text;
    },
    decode: (payload) => JSON.parse(STRICT_UTF8.decode(payload)) as T,
  };
}

/** Damaged text must not pass as replacement characters. */
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true });
