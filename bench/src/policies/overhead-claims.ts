import { circuitBreaker, pipeline, retry, timeout, timeWindow } from '@holdfast/circuit-breaker';
import * as cockatiel from 'cockatiel';
import type { OverheadClaim } from './overhead.ts';

const work = async (): Promise<number> => 1;
const fail = async (): Promise<never> => {
  throw failure;
};
const failure = new Error('down');
const LONG_MS = 1e9;

/** Both judge the rate of failures over the last ten seconds. */
const oursClosed = circuitBreaker();
const peerClosed = samplingBreaker();
const [oursOpen, peerOpen] = [circuitBreaker({ openMs: LONG_MS }), samplingBreaker()];
const retries = { ours: retry(), peer: cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2 }) };
const limits = {
  ours: timeout({ ms: 1_000 }),
  peer: cockatiel.timeout(1_000, cockatiel.TimeoutStrategy.Aggressive),
};
const ours = pipeline(retries.ours, circuitBreaker(), limits.ours);
const peer = cockatiel.wrap(retries.peer, samplingBreaker(), limits.peer);

export async function overheadClaims(operations: number): Promise<readonly OverheadClaim[]> {
  for (let n = 0; n < 100; n += 1) {
    await oursOpen.tryExecute(fail);
    await caught(() => peerOpen.execute(fail));
  }
  if (oursOpen.state !== 'open' || peerOpen.state !== cockatiel.CircuitState.Open) {
    throw new Error('both circuits must be open');
  }
  const claims: Omit<OverheadClaim, 'operations'>[] = [
    {
      name: 'closed-breaker',
      claim: 'a closed breaker adds less than the sampling breaker of cockatiel',
      target: 0.75,
      bare: work,
      ours: () => oursClosed.execute(work),
      peer: () => peerClosed.execute(work),
    },
    {
      name: 'open-breaker-throwing',
      claim: 'a rejection by an open breaker costs less than one of cockatiel',
      target: 0.35,
      bare: work,
      ours: () => caught(() => oursOpen.execute(work)),
      peer: () => caught(() => peerOpen.execute(work)),
    },
    {
      name: 'open-breaker-outcome',
      claim: 'tryExecute of an open breaker costs less than a rejection by cockatiel',
      target: 0.05,
      bare: work,
      ours: () => oursOpen.tryExecute(work),
      peer: () => caught(() => peerOpen.execute(work)),
    },
    {
      name: 'timeout-success',
      claim: 'a timeout around work that succeeds adds less than the aggressive one of cockatiel',
      target: 0.15,
      bare: work,
      ours: () => limits.ours.execute(work),
      peer: () => limits.peer.execute(work),
    },
    {
      name: 'retry-breaker-timeout',
      claim: 'retry, breaker and timeout in a pipeline add less than in a wrap of cockatiel',
      target: 0.15,
      bare: work,
      ours: () => ours.execute(work),
      peer: () => peer.execute(work),
    },
    loadedWindowClaim(),
  ];
  return claims.map((claim) => ({ ...claim, operations }));
}

/** One failed call with many calls in the window, against the same with none but the failed ones. */
function loadedWindowClaim(): Omit<OverheadClaim, 'operations'> {
  // An hour long, and more calls than will come are needed to open it.
  const trip = timeWindow({ spanMs: 3_600_000, minimumCalls: 1e9 });
  const [loaded, empty] = [circuitBreaker({ trip }), circuitBreaker({ trip })];
  let isLoaded = false;
  return {
    name: 'failed-call-full-window',
    claim: 'a failed call with 100 000 calls in the window costs what it costs with none',
    target: 1.3,
    bare: () => caught(fail),
    ours: async () => {
      if (!isLoaded) {
        isLoaded = true;
        for (let n = 0; n < 100_000; n += 1) await loaded.execute(work);
      }
      await caught(() => loaded.execute(fail));
    },
    peer: () => caught(() => empty.execute(fail)),
  };
}

function samplingBreaker(): cockatiel.CircuitBreakerPolicy {
  return cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: LONG_MS,
    breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
  });
}

async function caught(fn: () => Promise<unknown>): Promise<void> {
  try {
    await fn();
  } catch {
    // The cost of the rejection is what is measured.
  }
}
