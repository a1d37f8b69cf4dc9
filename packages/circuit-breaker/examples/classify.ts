import assert from 'node:assert/strict';
import {
  circuitBreaker,
  consecutive,
  pipeline,
  retry,
  type Classifier,
} from '@holdfast/circuit-breaker';

interface Answer {
  readonly status: 'ok' | 'busy';
}

// A value may be a failure, too; and a refusal of the input says nothing about health.
const classify: Classifier = ({ ok, value, error }) => {
  if (ok) return (value as Answer).status === 'busy' ? { verdict: 'failure' } : undefined;
  return error instanceof RangeError ? { verdict: 'ignore', label: 'bad input' } : undefined;
};
const circuit = circuitBreaker({ trip: consecutive(2), classify });
const convert = pipeline(retry({ backoff: { baseMs: 5 }, classify }), circuit);

const answer = await convert.execute(({ attempt }): Answer => ({
  status: attempt === 1 ? 'busy' : 'ok',
}));
assert.equal(answer.status, 'ok');

await assert.rejects(
  convert.execute(() => Promise.reject(new RangeError('no such unit'))),
  { message: 'no such unit' },
);
const { failed, succeeded, ignored } = circuit.snapshot().counters;
assert.deepEqual({ failed, succeeded, ignored }, { failed: 1, succeeded: 1, ignored: 1 });
