import { HoldfastError } from '@holdfast/internal';

/** The loader was closed. */
export class LoaderClosedError extends HoldfastError {
  override readonly name = 'LoaderClosedError';
  declare readonly code: 'LOADER_CLOSED';

  constructor() {
    super('LOADER_CLOSED', 'the loader is closed');
  }
}

/** Too many keys wait for a load; this one was not taken. */
export class LoaderOverloadedError extends HoldfastError {
  override readonly name = 'LoaderOverloadedError';
  declare readonly code: 'LOADER_OVERLOADED';
  readonly maxPending: number;

  constructor(maxPending: number) {
    super('LOADER_OVERLOADED', `${maxPending} keys wait for a load already`);
    this.maxPending = maxPending;
  }
}

/** A load did not end within `loadTimeoutMs`. */
export class LoadTimeoutError extends HoldfastError {
  override readonly name = 'LoadTimeoutError';
  declare readonly code: 'LOAD_TIMEOUT';
  readonly timeoutMs: number;

  constructor(keys: number, timeoutMs: number) {
    super('LOAD_TIMEOUT', `a load of ${keys} keys did not end within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** `load` or `createMissing` has answered with something that does not match its keys. */
export class LoadResultError extends HoldfastError {
  override readonly name = 'LoadResultError';
  declare readonly code: 'LOAD_RESULT_INVALID';

  constructor(reason: string) {
    super('LOAD_RESULT_INVALID', reason);
  }
}

/** A key cannot be one: an object without `keyOf`, or a value that does not fit the type of the key's column. */
export class KeyInvalidError extends HoldfastError {
  override readonly name = 'KeyInvalidError';
  declare readonly code: 'KEY_INVALID';

  constructor(reason: string, options?: { readonly cause?: unknown }) {
    super('KEY_INVALID', `a key ${reason}`, options);
  }
}

/** A key was inserted and still is not there: it was deleted at once, or a trigger or a policy hides it. */
export class KeyNotCreatedError extends HoldfastError {
  override readonly name = 'KeyNotCreatedError';
  declare readonly code: 'KEY_NOT_CREATED';

  constructor(table: string) {
    super('KEY_NOT_CREATED', `a key was inserted into ${table} and is not there`);
  }
}
