const misuses = new WeakSet<object>();

/** Marks an error that says how a call was put together wrongly: no policy retries, counts or answers it. */
export function misuse<E extends Error>(error: E): E {
  misuses.add(error);
  return error;
}

export function isMisuse(error: unknown): boolean {
  return typeof error === 'object' && error !== null && misuses.has(error);
}
