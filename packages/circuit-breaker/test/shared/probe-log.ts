/** One line of what the members have written down, dated by the server. */
export interface ProbeEvent {
  readonly atMs: number;
  /** `ask`: before a lease is asked for. `start` and `end`: of the probe's work. `settled`: the store was told. */
  readonly kind: 'ask' | 'start' | 'end' | 'settled';
  readonly token: string;
  /** Of the circuit: one half-open round. */
  readonly version: string;
}

export interface ProbeLimits {
  readonly probes: number;
  readonly concurrent: number;
  readonly leaseMs: number;
}

export interface ProbeSummary {
  readonly rounds: number;
  readonly started: number;
  /** Started, and the store was not told before the lease ended: the process was killed. */
  readonly lost: number;
  /** The most that ran at once in one round, under leases that may have held. */
  readonly mostAtOnce: number;
  /** The most that were started in one round, without those that were lost. */
  readonly mostInRound: number;
  /** The same, with those that were lost and whose places others have taken. */
  readonly mostStarted: number;
  /** Rounds that went beyond one of the limits. */
  readonly violations: number;
}

interface Probe {
  readonly version: string;
  readonly askedMs: number;
  readonly startedMs: number;
  endedMs: number;
  isSettled: boolean;
}

/**
 * What the log says about the limits. A lease begins after it was asked for and ends `leaseMs` later at the soonest, so
 * a probe that runs within that time runs under its lease for certain; nothing later is held against anybody.
 */
export function summarize(events: readonly ProbeEvent[], limits: ProbeLimits): ProbeSummary {
  const rounds = new Map<string, Probe[]>();
  for (const probe of readProbes(events, limits.leaseMs)) {
    rounds.set(probe.version, [...(rounds.get(probe.version) ?? []), probe]);
  }
  const all = [...rounds.values()];
  const perRound = all.map((probes) => ({
    atOnce: mostAtOnce(probes),
    kept: probes.filter(({ isSettled }) => isSettled).length,
  }));
  return {
    rounds: rounds.size,
    started: all.flat().length,
    lost: all.flat().filter(({ isSettled }) => !isSettled).length,
    mostAtOnce: Math.max(0, ...perRound.map(({ atOnce }) => atOnce)),
    mostStarted: Math.max(0, ...all.map((probes) => probes.length)),
    mostInRound: Math.max(0, ...perRound.map(({ kept }) => kept)),
    violations: perRound.filter(
      ({ atOnce, kept }) => atOnce > limits.concurrent || kept > limits.probes,
    ).length,
  };
}

function readProbes(events: readonly ProbeEvent[], leaseMs: number): Iterable<Probe> {
  const asked = new Map<string, number>();
  const probes = new Map<string, Probe>();
  for (const { atMs, kind, token, version } of events) {
    if (kind === 'ask') asked.set(token, atMs);
    const askedMs = asked.get(token) ?? atMs;
    if (kind === 'start') {
      const endedMs = askedMs + leaseMs;
      probes.set(token, { version, askedMs, startedMs: atMs, endedMs, isSettled: false });
    }
    const probe = probes.get(token);
    if (probe === undefined) continue;
    if (kind === 'end') probe.endedMs = Math.min(probe.endedMs, atMs);
    if (kind === 'settled') probe.isSettled = atMs < probe.askedMs + leaseMs;
  }
  return probes.values();
}

function mostAtOnce(probes: readonly Probe[]): number {
  const running = probes.map(
    ({ startedMs }) =>
      probes.filter((other) => other.startedMs <= startedMs && other.endedMs > startedMs).length,
  );
  return Math.max(0, ...running);
}
