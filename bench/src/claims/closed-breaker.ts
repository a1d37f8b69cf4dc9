import { circuitBreaker } from '@holdfast/circuit-breaker';
import { circuitBreaker as peerBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import type { CreateClaim } from '../claim.ts';

/** A successful call through a closed breaker against cockatiel's, both counting consecutive failures. */
export const closedBreaker: CreateClaim = ({ smoke }) => {
  const operations = smoke ? 1_000 : 300_000;
  const ours = circuitBreaker({ failures: 5 });
  const peer = peerBreaker(handleAll, {
    halfOpenAfter: 30_000,
    breaker: new ConsecutiveBreaker(5),
  });
  const work = (): Promise<number> => Promise.resolve(1);
  return Promise.resolve({
    claim: 'calls a second through a closed breaker, against cockatiel 3',
    target: 1,
    operations,
    async ours() {
      for (let n = 0; n < operations; n += 1) await ours.execute(work);
    },
    async peer() {
      for (let n = 0; n < operations; n += 1) await peer.execute(work);
    },
    close: () => Promise.resolve(),
  });
};
