import type { AlertLevel } from './alert.ts';

export interface IncidentOptions {
  /** Cycles in a row at `warning` until it is told; `critical` is told at once. */
  readonly forCycles: number;
  /** Cycles in a row that are clear until it is over. */
  readonly clearCycles: number;
  readonly repeatMs: number;
}

/** How one cycle is. `fading`: below what begins an incident, and not yet below what ends one. */
export type Severity = 'clear' | 'fading' | 'warning' | 'critical';

export interface Notice {
  readonly level: AlertLevel;
  readonly since: number;
  readonly suppressed: number;
}

/**
 * Turns the severity of each cycle into few notices.
 *
 * - quiet     from the start: nothing was told
 * - warning   entered after `forCycles` cycles of at least `warning`
 * - critical  entered with a critical cycle, from either; a warning after it is no news
 *
 * An incident is left for quiet after `clearCycles` clear ones. While it goes on it is told again each `repeatMs`.
 */
export class Incident {
  readonly #options: IncidentOptions;
  #level: 'quiet' | 'warning' | 'critical' = 'quiet';
  #since = 0;
  #toldMs = 0;
  #suppressed = 0;
  #bad = 0;
  #clear = 0;

  constructor(options: IncidentOptions) {
    this.#options = options;
  }

  next(severity: Severity, cycle: number, nowMs: number): Notice | undefined {
    const isBad = severity === 'warning' || severity === 'critical';
    this.#clear = severity === 'clear' ? this.#clear + 1 : 0;
    if (this.#level === 'quiet') {
      if (isBad && this.#bad === 0) this.#since = cycle;
      this.#bad = isBad ? this.#bad + 1 : 0;
      if (severity === 'critical') return this.#tell('critical', nowMs);
      if (isBad && this.#bad >= this.#options.forCycles) return this.#tell('warning', nowMs);
      return undefined;
    }
    if (this.#clear >= this.#options.clearCycles) return this.#resolve();
    if (severity === 'critical' && this.#level === 'warning') return this.#tell('critical', nowMs);
    if (isBad && nowMs - this.#toldMs >= this.#options.repeatMs) {
      return this.#tell(this.#level, nowMs);
    }
    this.#suppressed += 1;
    return undefined;
  }

  #tell(level: 'warning' | 'critical', nowMs: number): Notice {
    const notice = { level, since: this.#since, suppressed: this.#suppressed };
    this.#level = level;
    this.#toldMs = nowMs;
    this.#suppressed = 0;
    return notice;
  }

  #resolve(): Notice {
    const notice: Notice = {
      level: 'resolved',
      since: this.#since,
      suppressed: this.#suppressed,
    };
    this.#level = 'quiet';
    this.#suppressed = 0;
    this.#bad = 0;
    return notice;
  }
}
