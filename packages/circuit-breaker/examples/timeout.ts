import assert from 'node:assert/strict';
import { timeout, type ExecutionContext } from '@holdfast/circuit-breaker';

const render = timeout({ name: 'render', ms: 20 });

// Work that listens is told why it should stop.
const reasons: unknown[] = [];
const listen = ({ signal }: ExecutionContext) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reasons.push(signal.reason);
      reject(new Error('stopped'));
    });
  });
await assert.rejects(render.execute(listen), (error) => {
  assert.deepEqual(reasons, [error]);
  return (error as { code: string }).code === 'TIMEOUT';
});

// Work that does not listen goes on, and nobody has its result.
let finish: ((value: string) => void) | undefined;
const deaf = () => new Promise<string>((resolve) => (finish = resolve));
const late = new Promise<{ ok: boolean }>((resolve) => {
  render.on('late', resolve);
});
await assert.rejects(render.execute(deaf), { code: 'TIMEOUT', timeoutMs: 20 });
finish?.('too late');
assert.equal((await late).ok, true);
assert.equal(render.snapshot().counters.timedOut, 2);
