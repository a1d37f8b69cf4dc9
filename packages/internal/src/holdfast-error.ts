/** `Symbol.for`, so that errors of a second copy of a package are recognised as well. */
const BRAND = Symbol.for('holdfast.error');

/** Base of every error that the packages create. Branch on `code`. */
export class HoldfastError extends Error {
  override readonly name: string = 'HoldfastError';
  /** Stable and unique per kind of failure, for example `LOCK_TIMEOUT`. */
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  // On the prototype: to define it on every error costs as much as the rest of an error without a stack.
  static {
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }
}

/** True when `value` is an error of any copy of any of the packages; with `code`, only one of that kind. */
export function isHoldfastError(value: unknown, code?: string): value is HoldfastError {
  if (typeof value !== 'object' || value === null) return false;
  if (!(BRAND in value)) return false;
  return code === undefined || ('code' in value && value.code === code);
}
