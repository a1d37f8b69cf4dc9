import type { Clock } from '@holdfast/internal';
import { classifyFailure } from './classify.ts';
import { createDeferred, type Deferred } from '@holdfast/internal';
import { OwnershipLostError, ZoneTimeoutError } from './errors.ts';
import { ZoneRun, type ZoneRunParts } from './zone-run.ts';
import type { Classify, FailureClass, Zone, ZoneHandler } from './zone.ts';

/** How a run ended. What fails because the zone went to another instance is fenced, and no failure. */
export interface EndedRun<D> {
  readonly parts: ZoneRunParts<D>;
  readonly nowMs: number;
  readonly durationMs: number;
  readonly failure: RunFailure | undefined;
}

export interface RunFailure {
  readonly outcome: 'failed' | 'timedOut' | 'fenced';
  readonly class: FailureClass;
  readonly error: unknown;
}

export interface RunningZonesParts<D> {
  readonly handler: ZoneHandler<D>;
  readonly classify: Classify<D> | undefined;
  readonly clock: Clock;
  /** Zones whose handlers still run though they were aborted; of all cycles. */
  readonly zombies: Set<string>;
  readonly onEnd: (ended: EndedRun<D>) => void;
  readonly onZombie: (zoneId: string, runningMs: number) => void;
  readonly onZombieSettled: () => void;
}

/** The handlers of one cycle that run. An aborted one has ended for the cycle, and is a zombie until it settles. */
export class RunningZones<D> {
  readonly #parts: RunningZonesParts<D>;
  readonly #runs = new Set<ZoneRun<D>>();
  readonly #drains = new Set<{
    readonly shards: ReadonlySet<number>;
    readonly done: Deferred<void>;
  }>();
  #aborted = 0;

  constructor(parts: RunningZonesParts<D>) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** How many handlers were aborted so far. */
  get aborted(): number {
    return this.#aborted;
  }

  start(parts: ZoneRunParts<D>): void {
    const run = new ZoneRun(parts);
    this.#runs.add(run);
    call(this.#parts.handler, parts.zone, run).then(
      () => this.#settle(run),
      (error: unknown) => this.#settle(run, { error }),
    );
  }

  /** Aborts what is overdue; returns the next deadline. */
  expire(nowMs: number): number {
    let nextMs = Infinity;
    for (const run of this.#runs) {
      const { deadlineMs, startedMs, zone } = run.parts;
      if (deadlineMs > nowMs) nextMs = Math.min(nextMs, deadlineMs);
      else this.#abort(run, 'timedOut', new ZoneTimeoutError(zone.id, deadlineMs - startedMs));
    }
    return nextMs;
  }

  abortAll(reason: Error): void {
    for (const run of this.#runs) this.#abort(run, 'failed', reason);
  }

  abandon(shards: readonly number[]): void {
    for (const run of this.#runs) {
      const { shard } = run.parts.ownership;
      if (shards.includes(shard)) this.#abort(run, 'fenced', new OwnershipLostError(shard));
    }
  }

  /** Resolves when no run of these shards is left. */
  drain(shards: readonly number[]): Promise<void> {
    const drain = { shards: new Set(shards), done: createDeferred<void>() };
    this.#drains.add(drain);
    this.#resolveDrains();
    return drain.done.promise;
  }

  #settle(run: ZoneRun<D>, rejection?: { readonly error: unknown }): void {
    const { zone, startedMs } = run.parts;
    if (!this.#runs.delete(run)) {
      this.#parts.zombies.delete(zone.id);
      this.#parts.onZombieSettled();
      return;
    }
    const nowMs = this.#parts.clock.now();
    const failure = rejection && this.#describe(rejection.error, zone);
    this.#end({ parts: run.parts, nowMs, durationMs: nowMs - startedMs, failure });
  }

  #abort(run: ZoneRun<D>, outcome: RunFailure['outcome'], error: Error): void {
    const { zone, startedMs } = run.parts;
    const nowMs = this.#parts.clock.now();
    const durationMs = nowMs - startedMs;
    this.#runs.delete(run);
    this.#parts.zombies.add(zone.id);
    this.#aborted += 1;
    const failure: RunFailure = { outcome, class: CLASS_OF_ABORT[outcome], error };
    // Before its place is given to another.
    run.abort(error);
    this.#end({ parts: run.parts, nowMs, durationMs, failure });
    this.#parts.onZombie(zone.id, durationMs);
  }

  #end(ended: EndedRun<D>): void {
    if (this.#drains.size > 0) this.#resolveDrains();
    this.#parts.onEnd(ended);
  }

  #describe(error: unknown, zone: Zone<D>): RunFailure {
    const failureClass = this.#classify(error, zone);
    const outcome = failureClass === 'ownership' ? 'fenced' : 'failed';
    return { outcome, class: failureClass, error };
  }

  #classify(error: unknown, zone: Zone<D>): FailureClass {
    const { classify } = this.#parts;
    if (classify === undefined) return classifyFailure(error);
    try {
      return classify(error, zone);
    } catch {
      return 'bug';
    }
  }

  #resolveDrains(): void {
    for (const drain of this.#drains) {
      const isBusy = [...this.#runs].some((run) => drain.shards.has(run.parts.ownership.shard));
      if (isBusy) continue;
      this.#drains.delete(drain);
      drain.done.resolve();
    }
  }
}

const CLASS_OF_ABORT = { failed: 'zone', timedOut: 'timeout', fenced: 'ownership' } as const;

/** A handler that throws at once is one that rejects. */
function call<D>(handler: ZoneHandler<D>, zone: Zone<D>, run: ZoneRun<D>): Promise<void> {
  try {
    // Without types a handler may return anything.
    return Promise.resolve(handler(zone, run));
  } catch (error) {
    return Promise.reject(error);
  }
}
