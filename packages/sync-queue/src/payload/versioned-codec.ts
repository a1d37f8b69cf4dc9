import { requireFunction, requireInteger, requireObject, requireOptions } from '@holdfast/internal';
import { jsonCodec } from '../json-codec.ts';
import type { Codec } from '../queue-options.ts';
import { PayloadDamagedError, PayloadVersionError } from './payload-errors.ts';

export interface VersionedCodecOptions {
  /** Of the values that the program writes now, from 1. */
  readonly version: number;
  /**
   * `migrations[n]` makes a value of version `n + 1` out of one of version `n`. They reach from the oldest version that
   * is still read to `version`, without a gap. Default: none.
   */
  readonly migrations?: Readonly<Record<number, (old: unknown) => unknown>> | undefined;
  /** How a value becomes bytes. Default: JSON. */
  readonly inner?: Codec<unknown> | undefined;
}

/** `hv` and the version, an unsigned number of 32 bits. */
const HEADER_BYTES = 6;

/**
 * Writes the version in front of each value, and migrates values of older versions when it reads them. One of an unknown
 * version is refused with `PAYLOAD_VERSION_UNKNOWN`: who holds its bytes keeps them.
 *
 * @throws {TypeError | RangeError} when an option is wrong or a migration is missing.
 */
export function versionedCodec<T>(options: VersionedCodecOptions): Codec<T> {
  const names = { version: true, migrations: true, inner: true } as const;
  requireOptions('versionedCodec', options, names);
  const version = requireInteger('version', options.version, { min: 1, max: 2 ** 32 - 1 });
  const migrations = { ...requireObject('migrations', options.migrations ?? {}) };
  const inner = options.inner ?? jsonCodec<unknown>();
  const oldest = Math.min(version, ...Object.keys(migrations).map(Number));
  requireInteger('the first of migrations', oldest, { min: 1, max: version });
  for (const from of Object.keys(migrations)) {
    requireInteger('a version of migrations', Number(from), { max: version - 1 });
  }
  for (let from = oldest; from < version; from += 1) {
    requireFunction(`migrations[${from}]`, migrations[from]);
  }

  return {
    encode(value) {
      const encoded = inner.encode(value);
      const body = typeof encoded === 'string' ? Buffer.from(encoded) : encoded;
      const bytes = Buffer.alloc(HEADER_BYTES + body.length);
      bytes.write('hv', 'latin1');
      bytes.writeUInt32BE(version, 2);
      bytes.set(body, HEADER_BYTES);
      return bytes;
    },
    decode(payload) {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 2) !== 'hv') {
        throw new PayloadDamagedError('it has no version');
      }
      const found = bytes.readUInt32BE(2);
      if (found < oldest || found > version) throw new PayloadVersionError(found, oldest, version);
      let value = inner.decode(bytes.subarray(HEADER_BYTES));
      for (let from = found; from < version; from += 1) value = migrations[from]?.(value);
      return value as T;
    },
  };
}
