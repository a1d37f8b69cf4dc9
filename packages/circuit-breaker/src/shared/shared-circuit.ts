/**
 * Who decides over this member's calls:
 *
 * - the shared circuit, while there is a view of it (`StoreLink`). This member's own circuit then counts its calls and
 *   trips, but its opening is only a vote; it starts anew when the shared circuit closes.
 * - the member's own circuit, while there is none: it goes on from where the shared one was.
 *
 * On top of both the member is `isolated` while somebody holds it.
 */
import type { Clock } from '@holdfast/internal';
import type { CircuitState, TransitionReason } from '../circuit-breaker/circuit-contract.ts';
import type { Circuit } from '../circuit-breaker/circuit.ts';
import type { SharedCircuitBreakerEvents, SharedTransitionReason } from './contract.ts';
import type { ResolvedSharedOptions } from './options.ts';
import { OwnCircuit } from './own-circuit.ts';
import { nextOpenMs } from './probes.ts';
import { stateAt, StoreLink, type StoreLinkObserver, type TimedView } from './store-link.ts';
import { tally, type MemberReport, type Tally } from './store.ts';

export type Emit = <K extends 'transition' | 'vote' | 'store'>(
  event: K,
  payload: SharedCircuitBreakerEvents[K],
) => void;

export class SharedCircuit implements StoreLinkObserver {
  readonly link: StoreLink;
  readonly #options: ResolvedSharedOptions;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #own: OwnCircuit;
  #holds = 0;
  #version = 0;
  /** What was called has asked not to be called before. */
  #askedUntilMs = 0;
  #tally: Tally;
  #told: CircuitState = 'closed';
  #downs = 0;

  constructor(options: ResolvedSharedOptions, emit: Emit) {
    this.#options = options;
    this.#clock = options.clock;
    this.#emit = emit;
    this.#tally = tally(options.quorum, { votes: 0, members: 0, knownMs: 0 }, options.liveMs);
    this.#own = new OwnCircuit(options, (to, reason) => this.#onOwnTransition(to, reason));
    this.link = new StoreLink(options, this);
  }

  /** As last seen. */
  get version(): number {
    return this.#version;
  }

  get tally(): Tally {
    return this.#tally;
  }

  get own(): Circuit {
    return this.#own.current;
  }

  get isIsolated(): boolean {
    return this.#holds > 0;
  }

  /** How often the store went down. */
  get downs(): number {
    return this.#downs;
  }

  stateAt(nowMs: number): CircuitState {
    if (this.#holds > 0) return 'isolated';
    const { view } = this.link;
    return view === undefined ? this.own.state : stateAt(view, nowMs);
  }

  /** Lets time do its work. A closed circuit that looks at no durations needs no time: then NaN. */
  touch(): number {
    const { view } = this.link;
    const isPlain = this.own.isPlainlyClosed && (view === undefined || view.state === 'closed');
    if (isPlain && this.#options.rules.trip.slowOverMs === Infinity) return NaN;
    const nowMs = this.#clock.now();
    this.#elapse(nowMs);
    return nowMs;
  }

  isolate(): () => void {
    this.touch();
    this.#holds += 1;
    this.#tell('isolated');
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      this.touch();
      this.#tell('released');
    };
  }

  /** An opening that begins before then lasts until then at least. */
  restUntil(untilMs: number): void {
    this.#askedUntilMs = Math.max(this.#askedUntilMs, untilMs);
  }

  async close(): Promise<void> {
    const { view } = this.link;
    const closing = this.link.close();
    this.#goOnAlone(view);
    await closing;
  }

  report(): MemberReport {
    const { member, liveMs, quorum, rules } = this.#options;
    const nowMs = this.#clock.now();
    this.#elapse(nowMs);
    return {
      member,
      liveMs,
      voteMs: this.#own.voteMs(nowMs),
      quorum,
      expectedVersion: this.#version,
      openMs: nextOpenMs(rules, this.link.view, this.#askedUntilMs - nowMs),
    };
  }

  onView(view: TimedView, wasUp: boolean): void {
    const isNewer = view.version > this.#version;
    this.#version = view.version;
    // Others have found it healthy: what this member has counted before says nothing any more. A store that has lost
    // its data has found nothing: then this member's opening stands, and is its vote.
    if (isNewer && view.state === 'closed') this.#own.renew();
    if (!wasUp && this.#downs > 0) this.#emit('store', { ok: true });
    this.#tellVotes(tally(this.#options.quorum, view, this.#options.liveMs));
    this.#tell(wasUp ? undefined : 'adopted');
  }

  onDown(last: TimedView | undefined, error: unknown): void {
    this.#downs += 1;
    this.#emit('store', { ok: false, error });
    this.#goOnAlone(last);
  }

  #goOnAlone(last: TimedView | undefined): void {
    if (last !== undefined && last.state !== 'closed') this.#own.goOnFrom(last, this.#clock.now());
    this.#tell('adopted');
  }

  #onOwnTransition(to: CircuitState, reason: TransitionReason): void {
    this.#tell(reason);
    const { state, view } = this.link;
    const isVote = to !== 'half-open' && (view === undefined || view.state === 'closed');
    // While the store is down its back-off decides when it is asked again.
    if (isVote && state !== 'down') this.link.report();
  }

  #elapse(nowMs: number): void {
    this.own.elapse(nowMs);
    if (this.stateAt(nowMs) === 'half-open') this.#tell('waited');
  }

  #tell(reason: SharedTransitionReason | undefined): void {
    const from = this.#told;
    const to = this.stateAt(this.#clock.now());
    if (from === to) return;
    this.#told = to;
    this.#emit('transition', { from, to, reason: reason ?? reasonOf(from, to) });
  }

  #tellVotes(now: Tally): void {
    const { votes, needed } = this.#tally;
    this.#tally = now;
    if (now.votes !== votes || (votes > 0 && now.needed !== needed)) this.#emit('vote', now);
  }
}

/** The only way from one state of the shared circuit to another; what lies between them may have gone unseen. */
function reasonOf(from: CircuitState, to: CircuitState): SharedTransitionReason {
  if (to === 'half-open') return 'waited';
  if (to === 'closed') return 'probes-succeeded';
  return from === 'half-open' ? 'probe-failed' : 'tripped';
}
