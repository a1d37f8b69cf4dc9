import { createHash } from 'node:crypto';
import type { LockKey } from './locks.ts';

/**
 * The 64-bit key that PostgreSQL knows a lock by: the first eight bytes, signed and big-endian, of the SHA-256 of the
 * namespace and the key's parts, each as UTF-8 behind its length in bytes (32 bits, big-endian). The lengths keep the
 * parts apart. Frozen: another formula in a rolling deploy would be another lock.
 *
 * @throws {TypeError} when the namespace or a part is empty, or a number is not a safe integer.
 */
export function lockKey(namespace: string, key: LockKey): bigint {
  if (typeof namespace !== 'string' || namespace === '') {
    throw new TypeError(`namespace must be a non-empty string, got ${JSON.stringify(namespace)}`);
  }
  const hash = createHash('sha256');
  for (const part of [namespace, ...partsOf(key)]) {
    const bytes = Buffer.from(part, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest().readBigInt64BE();
}

/** The key as people read it, for messages. */
export function describeKey(namespace: string, key: LockKey): string {
  return [namespace, ...partsOf(key)].join('/');
}

function partsOf(key: LockKey): readonly string[] {
  const parts: readonly unknown[] = Array.isArray(key) ? key : [key];
  if (parts.length === 0) throw new TypeError('key must have at least one part, got none');
  return parts.map((part) => {
    if (typeof part === 'string' && part !== '') return part;
    if (typeof part === 'bigint' || Number.isSafeInteger(part)) return String(part);
    const got = typeof part === 'string' ? '""' : String(part);
    throw new TypeError(
      `each part of key must be a non-empty string, a bigint or a safe integer, got ${got}`,
    );
  });
}
