import { createHistogram } from 'node:perf_hooks';
import { systemClock, type Clock } from '@holdfast/internal';
import type { DeviceTelemetry } from './device-message.ts';
import { Expectations } from './expectations.ts';

export interface LatencyReport {
  readonly p50: number;
  readonly p99: number;
}

/**
 * Follows every telemetry message from the device's publish to its settlement.
 *
 * A message is published, then in any order acknowledged by the broker and accepted by the ingest queue, and at last
 * settled: every sample of it stored, known or rejected. A duplicate shares the key of its original.
 */
export class Ledger {
  readonly expectations: Expectations = new Expectations();
  readonly #clock: Clock;
  /** Key → when the message was published; until it is settled. */
  readonly #unsettled = new Map<string, number>();
  readonly #latencyMicros = createHistogram();
  #acknowledged = 0;
  #values = 0;
  #inFlight = 0;
  #movedAt = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Telemetry messages that the broker has acknowledged to their device. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Values in the acknowledged messages. */
  get values(): number {
    return this.#values;
  }

  /** Messages, hellos too, that were published and that the ingest queue does not hold yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Published and not yet settled. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** When a message was last sent, accepted or settled, by the monotonic clock; 0 before the first. */
  get movedAt(): number {
    return this.#movedAt;
  }

  published(message: DeviceTelemetry): void {
    const key = keyOf(message.uid, message.seq);
    if (!this.#unsettled.has(key)) this.#unsettled.set(key, this.#clock.now());
  }

  sent(): void {
    this.#inFlight += 1;
    this.#movedAt = this.#clock.now();
  }

  accepted(): void {
    // The broker may deliver a message twice: never below zero.
    this.#inFlight = Math.max(0, this.#inFlight - 1);
    this.#movedAt = this.#clock.now();
  }

  acknowledge(message: DeviceTelemetry): void {
    this.#acknowledged += 1;
    this.#values += Object.keys(message.values).length;
    this.expectations.add(message.uid, message.ts, message.values);
  }

  settled(uid: string, seq: number): void {
    const key = keyOf(uid, seq);
    const publishedAt = this.#unsettled.get(key);
    if (publishedAt === undefined) return;
    this.#unsettled.delete(key);
    this.#movedAt = this.#clock.now();
    this.#latencyMicros.record(Math.max(1, Math.round((this.#movedAt - publishedAt) * 1000)));
  }

  /** Milliseconds from publish to settlement; undefined before the first settlement. */
  latency(): LatencyReport | undefined {
    if (this.#latencyMicros.count === 0) return undefined;
    const percentileMs = (p: number): number =>
      Math.round(this.#latencyMicros.percentile(p) / 10) / 100;
    return { p50: percentileMs(50), p99: percentileMs(99) };
  }
}

function keyOf(uid: string, seq: number): string {
  return `${seq}#${uid}`;
}
