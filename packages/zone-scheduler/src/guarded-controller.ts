import type { Controller, LimitExplanation, PlanInput, WindowStats } from './controller.ts';

const UNKNOWN: LimitExplanation = {
  limit: 1,
  binding: 'min',
  feedForward: NaN,
  cap: Infinity,
  noLoadMs: NaN,
  inflation: NaN,
};

/**
 * A controller that may throw, or give a limit that is none: what it said last stays in force, and the first error is kept
 * until it is taken. A cycle goes on without it, and the ticks with the cycle.
 */
export class GuardedController implements Controller {
  readonly #controller: Controller;
  #limit = 1;
  #explanation = UNKNOWN;
  #failure: { readonly error: unknown } | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  get probeZones(): number {
    return this.#controller.probeZones;
  }

  get windowMs(): number {
    return this.#controller.windowMs;
  }

  get max(): number {
    return this.#controller.max;
  }

  get limit(): number {
    this.#guard(() => {
      const { limit, max } = this.#controller;
      if (Number.isInteger(limit) && limit >= 1 && limit <= max) this.#limit = limit;
      else throw new RangeError(`limit must be an integer from 1 to ${max}, got ${limit}`);
    });
    return this.#limit;
  }

  probe(latenciesMs: readonly number[]): void {
    this.#guard(() => this.#controller.probe(latenciesMs));
  }

  plan(input: PlanInput): void {
    this.#guard(() => this.#controller.plan(input));
  }

  observe(window: WindowStats): void {
    this.#guard(() => this.#controller.observe(window));
  }

  explain(): LimitExplanation {
    this.#guard(() => {
      this.#explanation = { ...this.#controller.explain() };
    });
    return this.#explanation;
  }

  snapshot(): unknown {
    return this.#controller.snapshot();
  }

  restore(snapshot: unknown): void {
    this.#controller.restore(snapshot);
  }

  /** The first error since it was last asked for. */
  takeFailure(): { readonly error: unknown } | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
