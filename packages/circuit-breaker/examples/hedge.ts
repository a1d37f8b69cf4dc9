import assert from 'node:assert/strict';
import { hedge } from '@holdfast/circuit-breaker';

// Ask a second replica when the first has not answered after 20 ms. Only reads that may be done twice are hedged.
const read = hedge({ name: 'read', afterMs: 20 });

const answer = await read.execute(({ attempt, signal }) => ask(attempt, signal), {
  idempotent: true,
});

assert.equal(answer, 'from replica 2');
assert.equal(read.snapshot().counters.won, 1);

/** Stands for two replicas, of which the first hangs until it is aborted. */
function ask(replica: number, signal: AbortSignal): Promise<string> {
  if (replica > 1) return Promise.resolve(`from replica ${replica}`);
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('cancelled')));
  });
}
