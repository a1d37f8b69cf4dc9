/** Of the sums, in each window. */
const DECAY = 0.5;

/** What one run takes of a slot, without the wait of a saturated downstream; the latest windows count most. */
export class SlotTime {
  #slotMs = 0;
  #completed = 0;
  /** Of both, what failed. */
  #failedMs = 0;
  #failed = 0;

  get isKnown(): boolean {
    return this.#completed > 0;
  }

  /** 0 while it is not known. */
  get perRunMs(): number {
    return this.#completed > 0 ? this.#slotMs / this.#completed : 0;
  }

  learn(window: {
    readonly succeededMs: number;
    readonly failedMs: number;
    readonly completed: number;
    readonly failed: number;
  }): void {
    const { succeededMs, failedMs, completed, failed } = window;
    this.#slotMs = this.#slotMs * DECAY + succeededMs + failedMs;
    this.#completed = this.#completed * DECAY + completed;
    this.#failedMs = this.#failedMs * DECAY + failedMs;
    this.#failed = this.#failed * DECAY + failed;
  }

  /** What failed in the cycle before is a suspect now, and takes no slot of the healthy zones. */
  forgetFailed(): void {
    this.#slotMs = Math.max(0, this.#slotMs - this.#failedMs);
    this.#completed = Math.max(0, this.#completed - this.#failed);
    this.#failedMs = 0;
    this.#failed = 0;
  }

  snapshot(): number[] {
    return [this.#slotMs, this.#completed, this.#failedMs, this.#failed];
  }

  restore([slotMs = 0, completed = 0, failedMs = 0, failed = 0]: readonly number[]): void {
    this.#slotMs = slotMs;
    this.#completed = completed;
    this.#failedMs = failedMs;
    this.#failed = failed;
  }
}
