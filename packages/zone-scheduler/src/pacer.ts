import type { Controller } from './controller.ts';
import { FlowMeter } from './flow-meter.ts';

export interface PacerParts {
  readonly controller: Controller;
  readonly startedMs: number;
  /** When the cycle should be done. */
  readonly targetMs: number;
  /** Weight of the healthy zones that have not ended, as far as it is known. */
  readonly remaining: () => number;
  /** Whether healthy zones wait for a slot. */
  readonly hasWaiting: () => boolean;
  /** How many of so many slots may be used. */
  readonly grant: (slots: number) => number;
}

/**
 * Asks the controller how many healthy zones of one cycle may be in flight.
 *
 * - probing  from the start, when the controller wants a sample: so many zones are started at once, and no further one;
 *            left when their median is known, when all have failed, or with the first window
 * - flowing  the limit is the controller's, which plans anew after each window
 */
export class Pacer {
  readonly #parts: PacerParts;
  readonly #meter: FlowMeter;
  #probes: ProbeSample | undefined;
  #inFlight = 0;
  #windowDueMs: number;
  #limit = 1;

  constructor(parts: PacerParts) {
    const { controller, startedMs } = parts;
    this.#parts = parts;
    this.#meter = new FlowMeter(startedMs);
    this.#windowDueMs = startedMs + controller.windowMs;
    const probes = Math.min(controller.probeZones, parts.grant(Math.max(1, controller.probeZones)));
    if (probes > 0) this.#probes = new ProbeSample(probes);
    else this.#plan(startedMs);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get isProbing(): boolean {
    return this.#probes !== undefined;
  }

  /** Most zones that may be in flight now. */
  get places(): number {
    return this.#probes?.wanted ?? this.#limit;
  }

  get windowDueMs(): number {
    return this.#windowDueMs;
  }

  get hasPlace(): boolean {
    return this.#probes === undefined ? this.#inFlight < this.#limit : this.#probes.hasPlace;
  }

  start(nowMs: number): void {
    this.#inFlight += 1;
    this.#meter.start(nowMs);
    this.#probes?.start(nowMs);
  }

  end(run: {
    readonly nowMs: number;
    readonly outcome: 'ok' | 'failed' | 'timedOut';
    readonly latencyMs: number;
    readonly weight: number;
  }): void {
    const { nowMs, outcome, latencyMs, weight } = run;
    this.#inFlight -= 1;
    this.#meter.end(nowMs, outcome, latencyMs, weight);
    if (this.#probes === undefined) return;
    this.#probes.end(outcome === 'ok' ? latencyMs / weight : undefined);
    if (this.#probes.isOver) this.#endProbe(nowMs);
  }

  /** A run has held its slot for long enough: it counts as one that timed out just now, and ends elsewhere. */
  moveAside(nowMs: number, weight: number): void {
    this.end({ nowMs, outcome: 'timedOut', latencyMs: NaN, weight });
  }

  pushBack(): void {
    this.#meter.pushBack();
  }

  /** What remains has become known. */
  replan(nowMs: number): void {
    if (this.#probes === undefined) this.#plan(nowMs);
  }

  /** Nothing more will be started: the probes that ran are the sample. */
  finish(nowMs: number): void {
    if (this.#probes !== undefined) this.#endProbe(nowMs);
  }

  /** To be called at `windowDueMs`, or later; `firedMs` is when the event loop ran the timer for it. */
  closeWindow(nowMs: number, firedMs: number): void {
    const { controller, hasWaiting } = this.#parts;
    const window = this.#meter.closeWindow({
      ...{ nowMs, limit: this.#limit, hasWaiting: hasWaiting() },
      // How late its own timer is tells how busy the event loop is.
      loopDelayMs: Math.max(0, firedMs - this.#windowDueMs),
    });
    this.#windowDueMs = nowMs + controller.windowMs;
    if (this.#probes !== undefined) {
      this.#endProbe(nowMs);
      return;
    }
    controller.observe(window);
    this.#plan(nowMs);
  }

  #endProbe(nowMs: number): void {
    const sample = this.#probes?.latenciesMs(nowMs) ?? [];
    this.#probes = undefined;
    if (sample.length > 0) this.#parts.controller.probe(sample);
    this.#plan(nowMs);
  }

  #plan(nowMs: number): void {
    const { controller, targetMs, remaining, grant } = this.#parts;
    controller.plan({ remaining: remaining(), leftMs: targetMs - nowMs });
    const { limit } = controller;
    this.#limit = Math.min(limit, grant(limit));
  }
}

/** The zones that a cycle starts first, on an idle downstream. */
class ProbeSample {
  readonly wanted: number;
  readonly #succeededMs: number[] = [];
  #startedMs = 0;
  #started = 0;
  #failed = 0;

  constructor(wanted: number) {
    this.wanted = wanted;
  }

  get hasPlace(): boolean {
    return this.#started < this.wanted;
  }

  /**
   * Those that still run are slower than those that have ended: once more than half have, the median cannot change. There
   * is none when all have failed.
   */
  get isOver(): boolean {
    const left = this.#started - this.#failed;
    return !this.hasPlace && (left === 0 || this.#succeededMs.length > left / 2);
  }

  /** One for each that did not fail; one that still runs counts with what it has taken so far. Empty: none succeeded. */
  latenciesMs(nowMs: number): number[] {
    const ended = this.#succeededMs;
    if (ended.length === 0) return [];
    const running = this.#started - this.#failed - ended.length;
    const soFarMs = Math.max(nowMs - this.#startedMs, ...ended);
    return [...ended, ...Array<number>(running).fill(soFarMs)];
  }

  start(nowMs: number): void {
    if (this.#started === 0) this.#startedMs = nowMs;
    this.#started += 1;
  }

  end(succeededMs: number | undefined): void {
    if (succeededMs === undefined) this.#failed += 1;
    else this.#succeededMs.push(succeededMs);
  }
}
