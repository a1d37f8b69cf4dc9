import { createDeferred, type Clock, type Deferred } from '@holdfast/internal';

/** A wait that ends with time or by a ring; a ring that comes while nobody waits ends the next wait at once. */
export class Alarm {
  readonly #clock: Clock;
  #ringing: Deferred<void> | undefined;
  #hasRung = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async wait(ms: number): Promise<void> {
    if (!this.#hasRung) {
      this.#ringing = createDeferred();
      const timer = this.#clock.setTimer(() => this.ring(), ms, { background: true });
      await this.#ringing.promise;
      timer.cancel();
    }
    this.#hasRung = false;
    this.#ringing = undefined;
  }

  ring(): void {
    this.#hasRung = true;
    this.#ringing?.resolve();
  }
}
