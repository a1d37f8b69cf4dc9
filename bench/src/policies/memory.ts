import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { circuitBreaker } from '@holdfast/circuit-breaker';
import * as cockatiel from 'cockatiel';
import { median } from '../median.ts';

export interface MemoryResult {
  readonly name: string;
  readonly claim: string;
  /** Bytes of heap for each breaker. */
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly target: number;
  readonly ok: boolean;
  readonly rounds: number;
}

/** Breakers over the last ten seconds, each with one call. */
export async function measureMemory(rounds: number, breakers: number): Promise<MemoryResult> {
  const bytes: Record<'ours' | 'peer', number[]> = { ours: [], peer: [] };
  for (let round = 0; round < rounds; round += 1) {
    bytes.ours.push(await bytesEach(breakers, () => circuitBreaker()));
    bytes.peer.push(
      await bytesEach(breakers, () =>
        cockatiel.circuitBreaker(cockatiel.handleAll, {
          halfOpenAfter: 1_000,
          breaker: new cockatiel.SamplingBreaker({
            threshold: 0.5,
            duration: 10_000,
            minimumRps: 2,
          }),
        }),
      ),
    );
  }
  const [ours, peer] = [median(bytes.ours), median(bytes.peer)];
  return {
    name: 'bytes-per-breaker',
    claim: 'a breaker holds less memory than a sampling breaker of cockatiel',
    ours: Math.round(ours),
    peer: Math.round(peer),
    ratio: Number((ours / peer).toPrecision(3)),
    target: 0.45,
    ok: ours / peer <= 0.45,
    rounds,
  };
}

interface Executes {
  execute(fn: () => Promise<number>): Promise<unknown>;
}

async function bytesEach(count: number, create: () => Executes): Promise<number> {
  const before = heapUsed();
  const kept = Array.from({ length: count }, create);
  for (const breaker of kept) await breaker.execute(() => Promise.resolve(1));
  const bytes = (heapUsed() - before) / kept.length;
  return bytes - 8; // The array's own slot.
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  collect();
  const { heapUsed: heap, external } = process.memoryUsage();
  return heap + external;
}
