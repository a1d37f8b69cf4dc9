export interface SuspectLaneOptions {
  /** Most slots. */
  readonly maxSlots: number;
  readonly timeoutMs: number;
  /** When the cycle should be done, from its start. */
  readonly targetMs: number;
}

/** Slots in which zones run that failed the last time, or hang now, so that they hold none of the healthy ones'. */
export class SuspectLane {
  readonly #options: SuspectLaneOptions;
  #zones = 0;
  #slots = 0;
  #inFlight = 0;

  constructor(options: SuspectLaneOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** As many as finish all suspects by the target if each of them times out. */
  get slots(): number {
    return this.#slots;
  }

  get hasPlace(): boolean {
    return this.#inFlight < this.#slots;
  }

  add(): void {
    const { maxSlots, timeoutMs, targetMs } = this.#options;
    const rounds = Math.max(1, Math.floor(targetMs / timeoutMs));
    this.#zones += 1;
    this.#slots = Math.max(this.#slots, Math.min(Math.ceil(this.#zones / rounds), maxSlots));
  }

  start(): void {
    this.#inFlight += 1;
  }

  /** Takes over what runs already, beyond the slots of those that wait if need be. False: `maxSlots` are in use. */
  takeOver(): boolean {
    if (this.#inFlight >= this.#options.maxSlots) return false;
    this.add();
    this.#inFlight += 1;
    this.#slots = Math.max(this.#slots, this.#inFlight);
    return true;
  }

  end(): void {
    this.#inFlight -= 1;
  }
}
