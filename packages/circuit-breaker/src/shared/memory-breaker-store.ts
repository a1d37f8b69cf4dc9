import {
  requireObject,
  requireOptions,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import { tally, type BreakerStore, type SharedView } from './store.ts';

export interface MemoryBreakerStoreOptions {
  readonly clock?: Clock | undefined;
}

const NAMES: OptionNames<MemoryBreakerStoreOptions> = { clock: true };

/**
 * Shared circuits in this process: for tests, examples, and several breakers that watch one dependency. Each circuit
 * takes some hundred bytes for as long as the store lives.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function memoryBreakerStore(options: MemoryBreakerStoreOptions = {}): BreakerStore {
  requireOptions('memoryBreakerStore', options, NAMES);
  const clock = requireObject('clock', options.clock ?? systemClock);
  const circuits = new Map<string, StoredCircuit>();

  /** Only a report makes one: whatever else comes to an unknown circuit leaves nothing behind. */
  const find = (circuit: string): StoredCircuit => circuits.get(circuit) ?? new StoredCircuit();

  /** Runs in one go, like a script. */
  const step = <R>(
    circuit: string,
    run: (stored: StoredCircuit, nowMs: number) => R,
  ): Promise<SharedView & R> => {
    const nowMs = clock.now();
    const stored = find(circuit);
    stored.cap(nowMs);
    const result = run(stored, nowMs);
    return Promise.resolve({ ...stored.view(nowMs), ...result });
  };

  return {
    read: (circuit) => step(circuit, () => ({})),
    sync: (circuit, { member, liveMs, voteMs, quorum, expectedVersion, openMs }) =>
      step(circuit, (stored, nowMs) => {
        const { members, votes, version } = stored;
        circuits.set(circuit, stored);
        stored.longestLiveMs = Math.max(stored.longestLiveMs, liveMs);
        if (countLive(members, nowMs) === 0 || stored.sinceMs > nowMs) stored.sinceMs = nowMs;
        members.set(member, nowMs + liveMs);
        votes.delete(member);
        const isFit = stored.endsMs === undefined && version === expectedVersion;
        if (voteMs === 0 || !isFit) return {};
        votes.set(member, nowMs + Math.min(voteMs, liveMs));
        const view = stored.view(nowMs);
        if (view.votes >= tally(quorum, view, liveMs).needed) stored.open(nowMs, openMs);
        return { votes: view.votes };
      }),
    lease: (circuit, { token, leaseMs, expectedVersion, probes, concurrent }) =>
      step(circuit, (stored, nowMs) => {
        const { leases, succeeded, version } = stored;
        if (version !== expectedVersion || !stored.isHalfOpen(nowMs)) return { isGranted: false };
        const out = countLive(leases, nowMs);
        if (leases.has(token)) return { isGranted: true };
        const isEnough = out > 0 && out + succeeded >= probes;
        if (isEnough || out >= concurrent) return { isGranted: false };
        stored.longestLeaseMs = Math.max(stored.longestLeaseMs, leaseMs);
        leases.set(token, nowMs + leaseMs);
        return { isGranted: true };
      }),
    settle: (circuit, { token, expectedVersion, verdict, probes, maxFailures, openMs }) =>
      step(circuit, (stored, nowMs) => {
        countLive(stored.leases, nowMs);
        if (stored.version !== expectedVersion || !stored.leases.delete(token)) {
          return { isCounted: false };
        }
        if (verdict === 'success' && ++stored.succeeded >= probes) stored.close();
        if (verdict === 'failure' && ++stored.failed > maxFailures) stored.open(nowMs, openMs);
        return { isCounted: true };
      }),
    leave(circuit, member) {
      const { members, votes } = find(circuit);
      members.delete(member);
      votes.delete(member);
      return Promise.resolve();
    },
  };
}

class StoredCircuit {
  version = 0;
  /** Undefined: closed. Half-open once it has passed; then -Infinity, which no clock that is set back undoes. */
  endsMs: number | undefined;
  opens = 0;
  openMs = 0;
  succeeded = 0;
  failed = 0;
  /** When the first of the present members came, of whom there has been one at any time since. */
  sinceMs = 0;
  /** Of all that were ever given. */
  longestLiveMs = 0;
  longestLeaseMs = 0;
  /** When each expires. */
  readonly members = new Map<string, number>();
  readonly votes = new Map<string, number>();
  readonly leases = new Map<string, number>();

  isHalfOpen(nowMs: number): boolean {
    return this.endsMs !== undefined && this.endsMs <= nowMs;
  }

  /** A clock that was set back: nothing has longer to go than the longest time that it can have been given. */
  cap(nowMs: number): void {
    if (this.endsMs !== undefined) {
      this.endsMs = this.isHalfOpen(nowMs) ? -Infinity : Math.min(this.endsMs, nowMs + this.openMs);
    }
    capExpiries(this.members, nowMs + this.longestLiveMs);
    capExpiries(this.votes, nowMs + this.longestLiveMs);
    capExpiries(this.leases, nowMs + this.longestLeaseMs);
  }

  open(nowMs: number, openMs: number): void {
    this.#move(nowMs + openMs, this.opens + 1, openMs);
  }

  close(): void {
    this.#move(undefined, 0, 0);
  }

  view(nowMs: number): SharedView {
    const { version, endsMs = nowMs, opens, openMs, succeeded } = this;
    const isClosed = this.endsMs === undefined;
    const members = countLive(this.members, nowMs);
    return {
      state: isClosed ? 'closed' : this.isHalfOpen(nowMs) ? 'half-open' : 'open',
      version,
      remainingMs: Math.max(0, endsMs - nowMs),
      opens,
      openMs,
      succeeded,
      leases: countLive(this.leases, nowMs),
      votes: countLive(this.votes, nowMs),
      members,
      knownMs: members === 0 ? 0 : Math.max(0, nowMs - this.sinceMs),
    };
  }

  #move(endsMs: number | undefined, opens: number, openMs: number): void {
    this.version += 1;
    this.endsMs = endsMs;
    this.opens = opens;
    this.openMs = openMs;
    this.succeeded = this.failed = 0;
    this.votes.clear();
    this.leases.clear();
  }
}

function capExpiries(expiries: Map<string, number>, longestMs: number): void {
  for (const [key, expiresMs] of expiries) if (expiresMs > longestMs) expiries.set(key, longestMs);
}

/** Forgets what has expired, and counts the rest. */
function countLive(expiries: Map<string, number>, nowMs: number): number {
  for (const [key, expiresMs] of expiries) if (expiresMs <= nowMs) expiries.delete(key);
  return expiries.size;
}
