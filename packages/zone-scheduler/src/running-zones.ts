import { createDeferred, type Clock, type Deferred } from '@holdfast/internal';
import { classifyBy, classifyFailure } from './classify.ts';
import { OwnershipLostError, ZoneTimeoutError } from './errors.ts';
import { ZoneRun, type RunFailure, type RunScope, type Turn } from './zone-run.ts';
import type { Classify, Zone, ZoneHandler } from './zone.ts';

export interface RunningZonesParts<D> {
  readonly scope: RunScope;
  readonly handler: ZoneHandler<D>;
  readonly classify: Classify<D> | undefined;
  readonly clock: Clock;
  /** Zones whose handlers still run though they were aborted; of all cycles. */
  readonly zombies: Set<string>;
  readonly onEnd: (run: ZoneRun<D>) => void;
  readonly onZombie: (zoneId: string, runningMs: number) => void;
  readonly onZombieSettled: () => void;
}

/** Waits for one handler after the other, so that no functions have to be made for each of thousands. */
interface Waiter<D> {
  run: ZoneRun<D>;
  readonly onResolved: () => void;
  readonly onRejected: (error: unknown) => void;
}

/** The handlers of one cycle that run. An aborted one has ended for the cycle, and is a zombie until it settles. */
export class RunningZones<D> {
  readonly #parts: RunningZonesParts<D>;
  /** In no order: the last one takes the place of one that ends. */
  readonly #runs: ZoneRun<D>[] = [];
  /** Those that wait for no handler. */
  readonly #idle: Waiter<D>[] = [];
  /** What an idle waiter waits for; also keeps the shape of all runs while there is none. */
  readonly #noRun: ZoneRun<D>;
  readonly #drains = new Set<{
    readonly shards: ReadonlySet<number>;
    readonly done: Deferred<void>;
  }>();
  /** Aborted, and not accounted for yet. */
  #ending = 0;
  #aborted = 0;

  constructor(parts: RunningZonesParts<D>) {
    this.#parts = parts;
    const ownership = { shard: -1, fence: undefined };
    const turn: Turn<D> = { zone: { id: '' }, lane: 'healthy', ownership, startedMs: NaN };
    this.#noRun = new ZoneRun(parts.scope, turn, NaN);
  }

  get size(): number {
    return this.#runs.length + this.#ending;
  }

  /** How many handlers were aborted so far. */
  get aborted(): number {
    return this.#aborted;
  }

  start(turn: Turn<D>, deadlineMs: number): void {
    const run = new ZoneRun(this.#parts.scope, turn, deadlineMs);
    run.place = this.#runs.push(run) - 1;
    const waiter = this.#idle.pop() ?? this.#createWaiter();
    waiter.run = run;
    call(this.#parts.handler, turn.zone, run).then(waiter.onResolved, waiter.onRejected);
  }

  get all(): readonly ZoneRun<D>[] {
    return this.#runs;
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

  #createWaiter(): Waiter<D> {
    const waiter: Waiter<D> = {
      run: this.#noRun,
      onResolved: () => this.#settle(waiter),
      onRejected: (error) => this.#settle(waiter, { error }),
    };
    return waiter;
  }

  #settle(waiter: Waiter<D>, rejection?: { readonly error: unknown }): void {
    const { run } = waiter;
    waiter.run = this.#noRun;
    this.#idle.push(waiter);
    if (!this.#remove(run)) {
      this.#parts.zombies.delete(run.zone.id);
      this.#parts.onZombieSettled();
      return;
    }
    if (rejection !== undefined) run.failure = this.#describe(rejection.error, run.zone);
    run.endedMs = this.#parts.clock.now();
    this.#end(run);
  }

  #abort(run: ZoneRun<D>, outcome: RunFailure['outcome'], error: Error): void {
    // An abort before may have led to this one's end.
    if (!this.#remove(run)) return;
    const { id } = run.zone;
    run.endedMs = this.#parts.clock.now();
    run.failure = { outcome, class: CLASS_OF_ABORT[outcome], error };
    this.#parts.zombies.add(id);
    this.#aborted += 1;
    // Before its place is given to another. A listener may do anything, such as to end the cycle.
    this.#ending += 1;
    run.abort(error);
    this.#ending -= 1;
    this.#end(run);
    this.#parts.onZombie(id, run.durationMs);
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

  #end(run: ZoneRun<D>): void {
    if (this.#drains.size > 0) this.#resolveDrains();
    this.#parts.onEnd(run);
  }

  #describe(error: unknown, zone: Zone<D>): RunFailure {
    const { classify } = this.#parts;
    const failure =
      classify === undefined
        ? { class: classifyFailure(error), error }
        : classifyBy(classify, error, zone);
    return { outcome: failure.class === 'ownership' ? 'fenced' : 'failed', ...failure };
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
