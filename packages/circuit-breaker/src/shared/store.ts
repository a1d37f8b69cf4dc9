/**
 * How many of the live members must vote before the circuit opens: one, more than half, or so many (all of them when
 * there are fewer). With fewer than three live members one is enough, for two cannot outvote each other: but only once
 * there have been members for as long as one of them counts without a report. Before, others may not have come yet.
 */
export type Quorum = 'any' | 'majority' | number;

/** A shared circuit at the moment when the store looked at it. */
export interface SharedView {
  readonly state: 'closed' | 'open' | 'half-open';
  /** Rises with every opening and closing; 0: the store knows nothing of the circuit, which is closed then. */
  readonly version: number;
  /** Until it is half-open, milliseconds; 0 unless it is open. */
  readonly remainingMs: number;
  /** Openings since it was last closed, and how long the last of them lasts, milliseconds. */
  readonly opens: number;
  readonly openMs: number;
  /** Half-open: probes that have succeeded, and leases that are out. */
  readonly succeeded: number;
  readonly leases: number;
  /** Live votes to open, before they are forgotten because the circuit opened, and live members. */
  readonly votes: number;
  readonly members: number;
  /** How long there has been at least one live member without a break, milliseconds; 0 when there is none. */
  readonly knownMs: number;
}

export interface MemberReport {
  readonly member: string;
  /**
   * The member, and its vote, count for so long without another report, milliseconds. When members have been known for
   * so long, all that live have had the time to report.
   */
  readonly liveMs: number;
  /** How long its vote to open holds at the most, milliseconds; 0: it does not vote. */
  readonly voteMs: number;
  readonly quorum: Quorum;
  /** The vote counts only while the circuit is closed and has this version. */
  readonly expectedVersion: number;
  /** How long the circuit is open when this vote opens it, milliseconds. */
  readonly openMs: number;
}

export interface LeaseRequest {
  /** Names the lease; never used twice. Asking again with the same one gives the same lease. */
  readonly token: string;
  readonly leaseMs: number;
  readonly expectedVersion: number;
  /** So many successes are wanted in all: no more leases than can still be needed. */
  readonly probes: number;
  /** So many leases at once. */
  readonly concurrent: number;
}

export interface ProbeResult {
  readonly token: string;
  readonly expectedVersion: number;
  readonly verdict: 'success' | 'failure' | 'ignore';
  /** So many successes close the circuit. */
  readonly probes: number;
  /** More failures than these open it again, for `openMs` milliseconds. */
  readonly maxFailures: number;
  readonly openMs: number;
}

/**
 * Where the members of one circuit meet. Every method is one atomic step by the store's own clock, may be sent again
 * after its answer was lost, and rejects when the store cannot answer. Nothing is kept for ever.
 *
 * When that clock is set back, an opening, a lease, a member and a vote end at the latest after their whole time once
 * more, counted from the next report (for the last three: the longest that was ever given in the circuit); none ends
 * early. When it is set forward they end early by as much: that cannot be told from time that passed, and until it has
 * there may be more probes than the limit.
 *
 * The circuit is closed until enough members vote, then open, then half-open as soon as its time is over; nobody moves
 * it there, so that nobody can do so too early or twice. A report, request or result with another version than the
 * circuit's changes nothing: what was decided about one opening says nothing about the next.
 */
export interface BreakerStore {
  /** Looks, and decides nothing. */
  read(circuit: string): Promise<SharedView>;
  /** Keeps the member live, casts or withdraws its vote, and opens the circuit when that makes the quorum. */
  sync(circuit: string, report: MemberReport): Promise<SharedView>;
  /** Asks for the right to probe a half-open circuit. A lease that is not settled ends by itself, without a verdict. */
  lease(
    circuit: string,
    request: LeaseRequest,
  ): Promise<SharedView & { readonly isGranted: boolean }>;
  /** Ends a lease with its verdict; one that has ended already counts for nothing. */
  settle(
    circuit: string,
    result: ProbeResult,
  ): Promise<SharedView & { readonly isCounted: boolean }>;
  /** The member, and its vote, no longer count. */
  leave(circuit: string, member: string): Promise<void>;
}

/** A store forgets a circuit, milliseconds after its opening ended and nobody has reported any more. */
export const FORGET_MS = 600_000;

/** A member that has missed so many reports is gone; while the store was down none waits longer to report again. */
export const LIVE_POLLS = 3;

/** Below so many live members one vote is enough. */
export const SMALLEST_QUORUM_GROUP = 3;

/** What the votes that a view shows are worth. */
export interface Tally {
  readonly votes: number;
  readonly members: number;
  /** So many votes open the circuit. */
  readonly needed: number;
  /** There are too few members for the quorum that was asked for, and have been for long enough: one vote is enough. */
  readonly isFallback: boolean;
}

export function tally(quorum: Quorum, seen: Seen, liveMs: number): Tally {
  const { votes, members } = seen;
  const isSettled = seen.knownMs >= liveMs;
  const isFallback = isSettled && quorum !== 'any' && members < SMALLEST_QUORUM_GROUP;
  const needed = isFallback ? 1 : neededOf(quorum, members, isSettled);
  return { votes, members, needed, isFallback };
}

type Seen = Pick<SharedView, 'votes' | 'members' | 'knownMs'>;

/** While others may still come, what so few cannot decide is more than they have votes. */
function neededOf(quorum: Quorum, members: number, isSettled: boolean): number {
  if (quorum === 'any') return 1;
  if (quorum !== 'majority') return isSettled ? Math.min(quorum, members) : quorum;
  return members < SMALLEST_QUORUM_GROUP ? SMALLEST_QUORUM_GROUP : Math.floor(members / 2) + 1;
}
