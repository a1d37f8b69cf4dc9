import type { PgClientLike } from './ports.ts';

/** Called once, when a query has ended: with the server's answer where it is known, or with what it failed with. */
export type OnEnded = (error: unknown, answer?: unknown) => void;

type Callback = (error: unknown, answer?: unknown) => void;

/** A query that sends itself and reads its own answer: a cursor, or a stream. */
interface Submittable {
  handleReadyForQuery?: (...args: unknown[]) => unknown;
  handleError?: (...args: unknown[]) => unknown;
}

export function isSubmittable(query: unknown): query is Submittable {
  return typeof (query as { readonly submit?: unknown } | null | undefined)?.submit === 'function';
}

/** Sends a query in any of the driver's forms: a promise, a callback, or an object that submits itself. */
export function sendQuery(client: PgClientLike, args: unknown[], onEnded: OnEnded): unknown {
  const driver = client as unknown as { query(...all: unknown[]): unknown };
  const [first] = args;
  if (isSubmittable(first)) {
    watch(first, onEnded);
    return driver.query(...args);
  }
  const callback = callbackOf(args);
  if (callback !== undefined) {
    const tell: Callback = (error, answer) => {
      onEnded(error ?? undefined, answer);
      callback(error, answer);
    };
    if (args.includes(callback))
      return driver.query(...args.map((arg) => (arg === callback ? tell : arg)));
    // Not set on the caller's object, which may be used again.
    const own = { callback: { value: tell, writable: true } };
    const config = Object.create(first as object, own) as object;
    return driver.query(config, ...args.slice(1));
  }
  const result = driver.query(...args) as Promise<unknown>;
  result.then((answer) => onEnded(undefined, answer), onEnded);
  return result;
}

/** Tells that the query was not sent, in the way in which the driver would tell of its failure. */
export function refuseQuery(args: unknown[], error: Error): unknown {
  const [first] = args;
  if (isSubmittable(first)) {
    queueMicrotask(() => first.handleError?.(error));
    return first;
  }
  const callback = callbackOf(args);
  if (callback === undefined) return Promise.reject(error);
  queueMicrotask(() => callback(error));
  return undefined;
}

function callbackOf(args: readonly unknown[]): Callback | undefined {
  const [config, ...others] = args;
  const own = (config as { readonly callback?: unknown } | null | undefined)?.callback;
  return [...others, own].find((each): each is Callback => typeof each === 'function');
}

/** The driver calls one of the two when the query has ended: after an error it does not say that it is ready. */
function watch(query: Submittable, onEnded: OnEnded): void {
  let hasEnded = false;
  const end: OnEnded = (error) => {
    if (!hasEnded) onEnded(error);
    hasEnded = true;
  };
  const { handleReadyForQuery, handleError } = query;
  query.handleReadyForQuery = (...args) => {
    end(undefined);
    return handleReadyForQuery?.apply(query, args);
  };
  query.handleError = (...args) => {
    end(args[0]);
    return handleError?.apply(query, args);
  };
}
