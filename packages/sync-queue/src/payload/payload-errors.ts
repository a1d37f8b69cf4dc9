import { HoldfastError } from '@holdfast/internal';
import { textOf } from '../text-of.ts';

/** The codec cannot encode a value; it is not held. */
export class PayloadInvalidError extends HoldfastError {
  override readonly name = 'PayloadInvalidError';
  declare readonly code: 'PAYLOAD_INVALID';
  /** Of `addMany`: which of the values; the first is 0. */
  readonly index: number | undefined;

  constructor(cause: unknown, index?: number) {
    const what = index === undefined ? 'the value' : `the value at index ${index}`;
    super('PAYLOAD_INVALID', `${what} cannot be encoded: ${textOf(cause)}`, { cause });
    this.index = index;
  }
}

/** A payload has a version that this program cannot read. */
export class PayloadVersionError extends HoldfastError {
  override readonly name = 'PayloadVersionError';
  declare readonly code: 'PAYLOAD_VERSION_UNKNOWN';
  readonly version: number;

  constructor(version: number, oldest: number, newest: number) {
    super(
      'PAYLOAD_VERSION_UNKNOWN',
      `the payload has version ${version}, this program reads ${oldest} to ${newest}`,
    );
    this.version = version;
  }
}

/** The key that a payload was sealed with is not among the keys. */
export class PayloadKeyMissingError extends HoldfastError {
  override readonly name = 'PayloadKeyMissingError';
  declare readonly code: 'PAYLOAD_KEY_MISSING';
  readonly keyId: string;

  constructor(keyId: string) {
    super('PAYLOAD_KEY_MISSING', `the payload was sealed with key ${keyId}, which is not given`);
    this.keyId = keyId;
  }
}

/** A payload is not what the codec has written. */
export class PayloadDamagedError extends HoldfastError {
  override readonly name = 'PayloadDamagedError';
  declare readonly code: 'PAYLOAD_DAMAGED';

  constructor(what: string, options?: { readonly cause?: unknown }) {
    super('PAYLOAD_DAMAGED', `the payload is damaged: ${what}`, options);
  }
}
