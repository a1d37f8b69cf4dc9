import type { Clock } from '@holdfast/internal';

/** How often a reading is used: a synchronous run that takes long must not stop the time. */
const USES = 32;

/** The time of a clock, read once for many uses in one synchronous run: reading it costs more than finding an entry. */
export class TurnClock {
  readonly #clock: Clock;
  #nowMs = 0;
  #usesLeft = 0;
  #isEnding = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    if (this.#usesLeft === 0) this.#read();
    this.#usesLeft -= 1;
    return this.#nowMs;
  }

  #read(): void {
    this.#nowMs = this.#clock.now();
    this.#usesLeft = USES;
    if (this.#isEnding) return;
    this.#isEnding = true;
    queueMicrotask(this.#end);
  }

  readonly #end = (): void => {
    this.#isEnding = false;
    this.#usesLeft = 0;
  };
}
