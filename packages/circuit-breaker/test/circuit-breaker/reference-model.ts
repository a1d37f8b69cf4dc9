/**
 * What a circuit should do, written the slow and plain way, from the README and without a look at the source: it keeps
 * every call of the present phase in a list, and asks the whole list each time.
 */
export interface ModelRules {
  readonly trip:
    | { readonly kind: 'consecutive'; readonly failures: number }
    | {
        readonly kind: 'count' | 'time';
        /** Calls, or milliseconds. */
        readonly size: number;
        readonly buckets: number;
        readonly failureRate: number;
        readonly minimumCalls: number;
        readonly slow: { readonly overMs: number; readonly rate: number } | undefined;
      };
  readonly openMs: number;
  readonly growth: number;
  readonly capMs: number;
  readonly probes: number;
  readonly concurrent: number;
  readonly maxFailures: number;
  readonly maxWaitMs: number | undefined;
  readonly rampMs: number;
}

export interface ModelCall {
  readonly phase: number;
  readonly startedMs: number;
  readonly isProbe: boolean;
  readonly givenUpMs: number;
  state: 'running' | 'given-up' | 'settled';
}

interface Counted {
  readonly atMs: number;
  readonly failed: boolean;
  readonly slow: boolean;
}

export type ModelKind = 'closed' | 'open' | 'half-open' | 'ramping';

export class ReferenceModel {
  rules: ModelRules;
  kind: ModelKind = 'closed';
  holds = 0;
  counted: Counted[] = [];
  probes: ModelCall[] = [];
  succeeded = 0;
  failed = 0;
  phase = 0;
  opens = 0;
  openForMs = 0;
  rampForMs = 0;
  endsMs = 0;

  constructor(rules: ModelRules) {
    this.rules = rules;
  }

  get visible(): ModelKind | 'isolated' {
    return this.holds > 0 ? 'isolated' : this.kind;
  }

  /** Lets time pass: ends of phases, and probes that are given up, in the order in which they fall due. */
  elapse(nowMs: number): void {
    for (;;) {
      const due = this.nextDueMs();
      if (due === undefined || due > nowMs) return;
      if (this.kind === 'open') this.start('half-open');
      else if (this.kind === 'ramping') [this.kind, this.opens, this.openForMs] = ['closed', 0, 0];
      else this.failProbe(this.runningProbes()[0], due);
    }
  }

  private nextDueMs(): number | undefined {
    if (this.kind === 'open' || this.kind === 'ramping') return this.endsMs;
    const [next] = this.kind === 'half-open' ? this.runningProbes() : [];
    return next?.givenUpMs;
  }

  private runningProbes(): ModelCall[] {
    return this.probes
      .filter((probe) => probe.state === 'running')
      .sort((a, b) => a.givenUpMs - b.givenUpMs);
  }

  /** The call that is admitted, or how long to wait. */
  call(nowMs: number, draw: number): ModelCall | { readonly retryAfterMs: number | undefined } {
    this.elapse(nowMs);
    const { trip } = this.rules;
    // Nobody took the time of a call that began when slowness did not matter.
    const isTimed =
      this.kind !== 'closed' || (trip.kind !== 'consecutive' && trip.slow !== undefined);
    const admitted: ModelCall = {
      phase: this.phase,
      startedMs: isTimed ? nowMs : NaN,
      isProbe: this.kind === 'half-open',
      givenUpMs: nowMs + (this.rules.maxWaitMs ?? this.openForMs),
      state: 'running',
    };
    if (this.holds > 0) return { retryAfterMs: undefined };
    if (this.kind === 'closed') return admitted;
    if (this.kind === 'open') return { retryAfterMs: this.endsMs - nowMs };
    if (this.kind === 'ramping') {
      const share = 1 - (this.endsMs - nowMs) / this.rampForMs;
      return draw < Math.max(0.1, share) ? admitted : { retryAfterMs: this.endsMs - nowMs };
    }
    const running = this.runningProbes();
    const next = running[0];
    const isFull =
      running.length >= this.rules.concurrent ||
      running.length + this.succeeded >= this.rules.probes;
    if (isFull && next !== undefined) {
      return { retryAfterMs: next.givenUpMs - nowMs };
    }
    this.probes.push(admitted);
    return admitted;
  }

  settle(call: ModelCall, verdict: 'success' | 'failure' | 'ignore', nowMs: number): boolean {
    this.elapse(nowMs);
    if (call.phase !== this.phase || call.state !== 'running') return false;
    call.state = 'settled';
    if (verdict === 'ignore') return true;
    if (call.isProbe) {
      if (verdict === 'failure') this.failProbe(call, nowMs);
      else if (++this.succeeded >= this.rules.probes) this.recover(nowMs);
      return true;
    }
    const { trip } = this.rules;
    const overMs = trip.kind === 'consecutive' ? undefined : trip.slow?.overMs;
    const slow = overMs !== undefined && nowMs - call.startedMs > overMs;
    this.counted.push({ atMs: nowMs, failed: verdict === 'failure', slow });
    if ((verdict === 'failure' || slow) && this.isTripped(nowMs)) this.open(nowMs);
    return true;
  }

  private failProbe(probe: ModelCall | undefined, atMs: number): void {
    if (probe?.state === 'running') probe.state = 'given-up';
    this.failed += 1;
    if (this.failed > this.rules.maxFailures) this.open(atMs);
  }

  /** What the trip looks at, now. */
  inWindow(nowMs: number): Counted[] {
    const { trip } = this.rules;
    if (trip.kind === 'count') return this.counted.slice(-trip.size);
    if (trip.kind === 'consecutive') {
      return this.counted.slice(this.counted.findLastIndex((one) => !one.failed) + 1);
    }
    const bucketMs = trip.size / trip.buckets;
    const newest = Math.floor(nowMs / bucketMs);
    return this.counted.filter((one) => Math.floor(one.atMs / bucketMs) > newest - trip.buckets);
  }

  private isTripped(nowMs: number): boolean {
    const { trip } = this.rules;
    const calls = this.inWindow(nowMs);
    if (trip.kind === 'consecutive') return calls.length >= trip.failures;
    const share = (which: 'failed' | 'slow'): number =>
      calls.filter((one) => one[which]).length / calls.length;
    if (calls.length < trip.minimumCalls) return false;
    return (
      share('failed') >= trip.failureRate ||
      (trip.slow !== undefined && share('slow') >= trip.slow.rate)
    );
  }

  private open(sinceMs: number): void {
    this.opens += 1;
    this.openForMs = Math.min(
      this.rules.capMs,
      this.rules.openMs * this.rules.growth ** (this.opens - 1),
    );
    this.endsMs = sinceMs + this.openForMs;
    this.start('open');
  }

  private recover(nowMs: number): void {
    if (this.rules.rampMs > 0) {
      this.rampForMs = this.rules.rampMs;
      this.endsMs = nowMs + this.rampForMs;
      this.start('ramping');
    } else this.close();
  }

  private close(): void {
    [this.opens, this.openForMs] = [0, 0];
    this.start('closed');
  }

  private start(kind: ModelKind): void {
    this.kind = kind;
    if (kind === 'closed' || kind === 'ramping') this.counted = [];
    this.forget();
  }

  private forget(): void {
    this.phase += 1;
    this.probes = [];
    [this.succeeded, this.failed] = [0, 0];
  }

  reset(nowMs: number): void {
    this.elapse(nowMs);
    this.close();
  }

  configure(rules: ModelRules, nowMs: number): void {
    this.elapse(nowMs);
    const shape = ({ trip }: ModelRules): string => {
      if (trip.kind === 'consecutive') return trip.kind;
      return trip.kind === 'count' ? `${trip.size} calls` : `${trip.size} ms / ${trip.buckets}`;
    };
    const isSame = shape(rules) === shape(this.rules);
    this.rules = rules;
    if (isSame) return;
    this.counted = [];
    this.forget();
  }

  /** What another process would go on with: nothing in flight, no holds, and probes at once where there were some. */
  restored(nowMs: number): ReferenceModel {
    this.elapse(nowMs);
    const next = new ReferenceModel(this.rules);
    next.opens = this.opens;
    next.openForMs = this.openForMs;
    if (this.kind === 'closed') next.counted = this.inWindow(nowMs);
    else {
      next.start('open');
      next.endsMs = this.kind === 'open' ? this.endsMs : nowMs;
    }
    return next;
  }
}
