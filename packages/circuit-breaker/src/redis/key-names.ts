import { requireInteger, requireText } from '@holdfast/internal';

/** Under the prefix, what is not a value: no value's key begins with it. */
const OWN = '~';
const MAX_KEYS = 1_000;

/** Where things are on the server. */
export class KeyNames {
  readonly prefix: string;
  /** In front of all that is not a value. */
  readonly ownPrefix: string;
  readonly journalPrefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.ownPrefix = `${prefix}${OWN}`;
    this.journalPrefix = `${this.ownPrefix}journal:`;
  }

  /** @throws {TypeError | RangeError} unless `key` is text that can be a value's key. */
  value(key: string): string {
    if (!requireText('key', key).startsWith(OWN)) return this.prefix + key;
    throw new RangeError(`key must not begin with "${OWN}", got ${JSON.stringify(key)}`);
  }

  /** @throws {TypeError | RangeError} unless `keys` are from 1 to 1 000 keys of values. */
  values(keys: readonly string[]): readonly string[] {
    if (!Array.isArray(keys)) throw new TypeError(`keys must be an array, got ${typeof keys}`);
    requireInteger('number of keys', keys.length, { min: 1, max: MAX_KEYS });
    return (keys as readonly string[]).map((key) => this.value(key));
  }

  /** @throws {TypeError} unless `key` is text. */
  counter(key: string): string {
    return `${this.ownPrefix}count:${requireText('key', key)}`;
  }

  /** The key that the caller knows a value by. */
  keyOf(name: string): string {
    return name.slice(this.prefix.length);
  }
}
