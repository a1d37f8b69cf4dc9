import { hash } from 'node:crypto';

/**
 * The name of a lock: text, or parts that are kept apart, so `['a', 'bc']` and `['ab', 'c']` are two locks. Numbers count
 * as their decimal text, so `5`, `5n` and `'5'` are the same part.
 */
export type LockKey = string | readonly (string | number | bigint)[];

/**
 * The 64-bit key that PostgreSQL knows a lock by: the first eight bytes, signed and big-endian, of the SHA-256 of the
 * namespace and the key's parts, each as UTF-8 behind its length in bytes (32 bits, big-endian). The lengths keep the
 * parts apart. Frozen: another formula in a rolling deploy would be another lock.
 *
 * @throws {TypeError} when the namespace or a part is empty or no well-formed text, or a number is no safe integer.
 */
export function lockKey(namespace: string, key: LockKey): bigint {
  const parts = [requireNamespace(namespace), ...partsOf(key)];
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    at = bytes.writeUInt32BE(lengths[index] ?? 0, at);
    at += bytes.write(part, at);
  }
  return hash('sha256', bytes, 'buffer').readBigInt64BE();
}

/** The key as people read it: no two keys are described alike, for what would blur the parts is percent-encoded. */
export function describeKey(namespace: string, key: LockKey): string {
  return [namespace, ...partsOf(key)]
    .map((part) => (BLURRING.test(part) ? part.replaceAll(BLURRING_ALL, encodeURIComponent) : part))
    .join('/');
}

/** Locks that are taken together. */
export interface LockNames {
  /** In ascending order, so that no two callers wait for each other; each once. */
  readonly keys: readonly [bigint, ...bigint[]];
  /** As people read them. */
  readonly name: string;
}

/** Names one lock; remembers the names that were asked for last, for a digest costs as much as a statement. */
export function createNamer(namespace: string): (key: LockKey) => LockNames {
  const known = new Map<string, LockNames>();
  return (key) => {
    if (typeof key !== 'string' || key.length > LONGEST_KNOWN) return nameLocks(namespace, [key]);
    let names = known.get(key);
    if (names === undefined) {
      names = nameLocks(namespace, [key]);
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(key, names);
    }
    return names;
  };
}

/** Together a quarter of a megabyte. */
const MOST_KNOWN = 1_000;
const LONGEST_KNOWN = 100;

/** @throws {TypeError} when there is no key, or one is wrong. */
export function nameLocks(namespace: string, keys: readonly LockKey[]): LockNames {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new TypeError('keys must be an array of at least one key');
  }
  const only = (keys as readonly LockKey[])[0];
  if (keys.length === 1 && only !== undefined) {
    return { keys: [lockKey(namespace, only)], name: describeKey(namespace, only) };
  }
  const named = new Map(
    keys.map((key: LockKey) => [lockKey(namespace, key), describeKey(namespace, key)]),
  );
  const sorted = [...named.keys()].sort((one, other) => (one < other ? -1 : 1));
  return {
    keys: sorted as [bigint, ...bigint[]],
    name: [...named.values()].join(' + '),
  };
}

/** @throws {TypeError} when it is empty, or would be taken for another one: UTF-8 writes all lone surrogates alike. */
export function requireNamespace(namespace: unknown): string {
  if (isText(namespace)) return namespace;
  throw new TypeError(
    `namespace must be a non-empty, well-formed string, got ${JSON.stringify(namespace)}`,
  );
}

function partsOf(key: LockKey): readonly string[] {
  const parts: readonly unknown[] = typeof key === 'string' ? [key] : key;
  if (!Array.isArray(parts)) {
    throw new TypeError(`key must be text, or an array of parts, got ${String(key)}`);
  }
  if (parts.length === 0) throw new TypeError('key must have at least one part, got none');
  return parts.map((part) => {
    if (isText(part)) return part;
    if (typeof part === 'bigint' || Number.isSafeInteger(part)) return String(part);
    const got = typeof part === 'string' ? JSON.stringify(part) : String(part);
    throw new TypeError(
      `each part of key must be a non-empty, well-formed string, a bigint or a safe integer, got ${got}`,
    );
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !LONE_SURROGATE.test(value);
}

const BLURRING = /[%/\p{Cc}]/u;
const BLURRING_ALL = /[%/\p{Cc}]/gu;
const LONE_SURROGATE = /\p{Surrogate}/u;
