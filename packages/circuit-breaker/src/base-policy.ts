import {
  createListeners,
  requireFunction,
  type Clock,
  type Listeners,
  type OptionNames,
} from '@holdfast/internal';
import { ambient } from './ambient-deadline.ts';
import { CallContext, contextOf } from './call-context.ts';
import { DeadlineExceededError } from './errors.ts';
import type { Awaitable, ExecuteOptions, Outcome, Policy, PolicySnapshot, Work } from './policy.ts';
import { runWithin } from './run-within.ts';

/** What all policies share: everything that they can do follows from how they `run` work. */
export abstract class BasePolicy<Alternative, Events extends object> implements Policy<
  Alternative,
  Events
> {
  readonly name: string;
  readonly clock: Clock;
  readonly #events: OptionNames<Events>;
  #listeners: Listeners<Events> | undefined;

  protected constructor(name: string, clock: Clock, events: OptionNames<Events>) {
    this.name = name;
    this.clock = clock;
    this.#events = events;
  }

  protected abstract run<T>(fn: Work<T>, context: CallContext): Promise<T | Alternative>;

  abstract snapshot(): PolicySnapshot;

  execute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<T | Alternative> {
    requireFunction('fn', fn);
    const around = ambient.deadline();
    if (options === undefined && around === Infinity) {
      return this.run(fn, new CallContext(this.clock));
    }
    const context = this.#contextOf(options);
    // A context comes from a policy around this one, which has seen to the deadline in it.
    const isSeenTo = context === options || context.deadline === Infinity;
    if (isSeenTo && around >= context.deadline) return this.run(fn, context);
    return this.#runUntil(Math.min(context.deadline, around), fn, context);
  }

  tryExecute<T>(fn: Work<T>, options?: ExecuteOptions): Promise<Outcome<T | Alternative>> {
    return this.execute(fn, options).then(
      (value) => ({ ok: true, value }),
      (error: unknown) => ({ ok: false, error }),
    );
  }

  guard<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => Awaitable<T>,
    optionsOf?: (...args: Args) => ExecuteOptions,
  ): (this: This, ...args: Args) => Promise<T | Alternative> {
    requireFunction('fn', fn);
    if (optionsOf !== undefined) requireFunction('optionsOf', optionsOf);
    const run = (work: Work<T>, args: Args): Promise<T | Alternative> =>
      this.execute(work, optionsOf?.(...args));
    return function (this: This, ...args: Args) {
      return run(() => fn.apply(this, args), args);
    };
  }

  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void): () => void {
    const listeners = this.#listeners ?? createListeners(this.#events);
    const off = listeners.on(event, listener);
    this.#listeners = listeners;
    return off;
  }

  /** False: nobody would hear an event. */
  protected get isWatched(): boolean {
    return this.#listeners !== undefined;
  }

  protected emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    this.#listeners?.emit(event, payload);
  }

  #contextOf(options: ExecuteOptions | undefined): CallContext {
    if (options === undefined) return new CallContext(this.clock);
    return options instanceof CallContext ? options : contextOf(options, this.clock);
  }

  #runUntil<T>(deadline: number, fn: Work<T>, context: CallContext): Promise<T | Alternative> {
    const { clock } = this;
    const ms = deadline - clock.now();
    if (context.source?.aborted === true) return Promise.reject(context.source.reason);
    if (ms <= 0) return Promise.reject(new DeadlineExceededError(this.name));
    return runWithin((inner) => this.run(fn, inner), context, {
      ms,
      clock,
      expire: () => new DeadlineExceededError(this.name),
    });
  }
}
