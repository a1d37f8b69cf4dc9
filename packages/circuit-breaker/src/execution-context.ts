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
