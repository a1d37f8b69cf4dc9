import { createDeferred, type Clock, type Deferred } from '@holdfast/internal';
import { classifyFailure } from './classify.ts';
import { OwnershipLostError, ZoneTimeoutError } from './errors.ts';
import { ZoneRun, type RunScope, type ZoneRunParts } from './zone-run.ts';
import type { Classify, FailureClass, Zone, ZoneHandler } from './zone.ts';

/** How a run ended. What fails because the zone went to another instance is fenced, and no failure. */
export interface EndedRun<D> {
  readonly run: ZoneRun<D>;
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
  readonly scope: RunScope;
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
  /** In no order: the last one takes the place of one that ends. */
  readonly #runs: ZoneRun<D>[] = [];
  readonly #drains = new Set<{
    readonly shards: ReadonlySet<number>;
    readonly done: Deferred<void>;
  }>();
  /** Aborted, and not accounted for yet. */
  #ending = 0;
  #aborted = 0;

  constructor(parts: RunningZonesParts<D>) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#runs.length + this.#ending;
  }

  /** How many handlers were aborted so far. */
  get aborted(): number {
    return this.#aborted;
  }

  start(parts: ZoneRunParts<D>): void {
    const run = new ZoneRun(this.#parts.scope, parts);
    run.place = this.#runs.push(run) - 1;
    call(this.#parts.handler, parts.zone, run).then(
      () => this.#settle(run),
      (error: unknown) => this.#settle(run, { error }),
    );
  }

  /** Aborts what is overdue; returns the next deadline. */
  expire(nowMs: number): number {
    let nextMs = Infinity;
    for (const run of [...this.#runs]) {
      const { deadlineMs, startedMs, zone } = run;
      if (deadlineMs > nowMs) nextMs = Math.min(nextMs, deadlineMs);
      else this.#abort(run, 'timedOut', new ZoneTimeoutError(zone.id, deadlineMs - startedMs));
    }
    return nextMs;
  }

  abortAll(reason: Error): void {
    for (const run of [...this.#runs]) this.#abort(run, 'failed', reason);
  }

  abandon(shards: readonly number[], reason: Error): void {
    for (const run of [...this.#runs]) {
      const { shard } = run.ownership;
      if (!shards.includes(shard)) continue;
      this.#abort(run, 'fenced', new OwnershipLostError(shard, { cause: reason }));
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
    const { zone, startedMs } = run;
    if (!this.#remove(run)) {
      this.#parts.zombies.delete(zone.id);
      this.#parts.onZombieSettled();
      return;
    }
    const nowMs = this.#parts.clock.now();
    const failure = rejection && this.#describe(rejection.error, zone);
    this.#end({ run, nowMs, durationMs: nowMs - startedMs, failure });
  }

  #abort(run: ZoneRun<D>, outcome: RunFailure['outcome'], error: Error): void {
    // An abort before may have led to this one's end.
    if (!this.#remove(run)) return;
    const { zone, startedMs } = run;
    const nowMs = this.#parts.clock.now();
    const durationMs = nowMs - startedMs;
    this.#parts.zombies.add(zone.id);
    this.#aborted += 1;
    const failure: RunFailure = { outcome, class: CLASS_OF_ABORT[outcome], error };
    // Before its place is given to another. A listener may do anything, such as to end the cycle.
    this.#ending += 1;
    run.abort(error);
    this.#ending -= 1;
    this.#end({ run, nowMs, durationMs, failure });
    this.#parts.onZombie(zone.id, durationMs);
  }

  /** Returns whether it was still among those that run. */
  #remove(run: ZoneRun<D>): boolean {
    const { place } = run;
    if (place < 0) return false;
    run.place = -1;
    const last = this.#runs.pop();
    if (last === undefined || last === run) return true;
    this.#runs[place] = last;
    last.place = place;
    return true;
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
      const isBusy = this.#runs.some((run) => drain.shards.has(run.ownership.shard));
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
