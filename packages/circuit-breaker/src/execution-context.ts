import { requireBoolean, requireFunction, requireObject } from '@holdfast/internal';
import type { ExecuteOptions, ExecutionContext, Work } from './policy.ts';

/** A context whose signal is the caller's own or, when there is none, one that nobody aborts. */
export class PassedContext implements ExecutionContext {
  readonly attempt: number;
  /** The signal that is worth listening to, if there is one. */
  readonly source: AbortSignal | undefined;
  #signal: AbortSignal | undefined;

  constructor(attempt: number, source: AbortSignal | undefined) {
    this.attempt = attempt;
    this.source = source;
  }

  get signal(): AbortSignal {
    // One for each context: listeners that pile up on a shared one would never be freed.
    return this.source ?? (this.#signal ??= new AbortController().signal);
  }
}

/** A context that its policy can abort. */
export class AbortableContext implements ExecutionContext {
  readonly attempt: number;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(attempt: number) {
    this.attempt = attempt;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}

/** @throws {TypeError} unless `options` are an object whose signal, if there is one, can be listened to. */
export function checkExecuteOptions(options: ExecuteOptions): ExecuteOptions {
  // Our own contexts are right, and to look at their signals would create them.
  if (options instanceof PassedContext || options instanceof AbortableContext) return options;
  const { signal } = requireObject('options', options);
  if (signal === undefined) return options;
  // By shape, not by class: signals of another realm and of polyfills will do.
  requireObject('signal', signal);
  requireBoolean('signal.aborted', signal.aborted);
  const listenable: { addEventListener?: unknown; removeEventListener?: unknown } = signal;
  requireFunction('signal.addEventListener', listenable.addEventListener);
  requireFunction('signal.removeEventListener', listenable.removeEventListener);
  return options;
}

/** The signal that can cut a call short; reads no lazy signal that nobody could abort. */
export function abortSource(options: ExecuteOptions): AbortSignal | undefined {
  return options instanceof PassedContext ? options.source : options.signal;
}

/** The context for a policy that adds nothing to the one around it. */
export function passOn(options: ExecuteOptions): ExecutionContext {
  if (options instanceof PassedContext || options instanceof AbortableContext) return options;
  return new PassedContext(options.attempt ?? 1, options.signal);
}

/** Calls the work; a synchronous throw becomes a rejection. */
export async function invoke<T>(fn: Work<T>, context: ExecutionContext): Promise<T> {
  return fn(context);
}
