import type { Clock } from '@holdfast/internal';
import type {
  CircuitRules,
  CircuitState,
  TransitionReason,
} from '../circuit-breaker/circuit-contract.ts';
import { Circuit } from '../circuit-breaker/circuit.ts';
import type { TimedView } from './store-link.ts';

export interface OwnCircuitOptions {
  readonly rules: CircuitRules;
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** What one member has found out by itself: a circuit that can be replaced, and the vote that comes of its opening. */
export class OwnCircuit {
  readonly #options: OwnCircuitOptions;
  readonly #onTransition: (to: CircuitState, reason: TransitionReason) => void;
  #current: Circuit;
  #voteUntilMs = 0;

  constructor(
    options: OwnCircuitOptions,
    onTransition: (to: CircuitState, reason: TransitionReason) => void,
  ) {
    this.#options = options;
    this.#onTransition = onTransition;
    this.#current = this.#create();
  }

  get current(): Circuit {
    return this.#current;
  }

  /** A vote is worth no more than the opening, and the probe after it that could have confirmed it. */
  voteMs(nowMs: number): number {
    return Math.max(0, Math.ceil(this.#voteUntilMs - nowMs));
  }

  /** Forgets everything. */
  renew(): void {
    this.#current = this.#create();
    this.#voteUntilMs = 0;
  }

  /** Takes over an opening that all have agreed on. */
  goOnFrom({ opens, openMs, untilMs }: TimedView, nowMs: number): void {
    const remainingMs = Math.max(0, untilMs - nowMs);
    const circuit = this.#create();
    circuit.restore({ opens, openMs, remainingMs, window: [] }, 0, nowMs);
    circuit.elapse(nowMs);
    this.#current = circuit;
    this.#voteUntilMs = nowMs + remainingMs + this.#options.maxWaitMs;
  }

  #create(): Circuit {
    const { rules, maxWaitMs } = this.#options;
    const circuit: Circuit = new Circuit(
      { ...rules, maxWaitMs },
      {
        onTransition: (_from, to, reason) => {
          // Not while it is being made, nor after it was replaced.
          if (circuit === this.#current) this.#move(to, reason);
        },
      },
    );
    return circuit;
  }

  #move(to: CircuitState, reason: TransitionReason): void {
    const nowMs = this.#options.clock.now();
    if (to === 'closed') this.#voteUntilMs = 0;
    if (to === 'open') {
      const openMs = this.#current.retryAfterMs(nowMs) ?? 0;
      this.#voteUntilMs = nowMs + openMs + this.#options.maxWaitMs;
    }
    this.#onTransition(to, reason);
  }
}
