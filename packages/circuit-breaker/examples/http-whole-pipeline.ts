import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { circuitBreaker, consecutive, fallbackWith } from '@holdfast/circuit-breaker';
import { pipeline, retry, timeout } from '@holdfast/circuit-breaker';
import { httpErrors } from '@holdfast/circuit-breaker/http';

// `fetch` resolves with a 503: each policy that asks "did it fail?" needs to be told what that means.
const classify = httpErrors();
const circuit = circuitBreaker({ name: 'prices', trip: consecutive(3), classify });
const prices = pipeline(
  fallbackWith({ classify }, () => Response.json({ cents: 0, isEstimate: true })),
  timeout({ ms: 2_000 }), // of all attempts together
  retry({ attempts: 3, backoff: { baseMs: 5 }, classify }),
  circuit, // judges each attempt; one that it refuses is not retried
  timeout({ ms: 500 }), // of each attempt
);
// To read twice does no harm, so a 503 that leaves open whether it was done may be retried.
const priceOf = async (url: string): Promise<unknown> => {
  const get = prices.execute(({ signal }) => fetch(url, { signal }), { idempotent: true });
  return (await get).json();
};

const statuses = [503, 200];
const server = createServer((_, response) =>
  response.writeHead(statuses.shift() ?? 503).end('{ "cents": 42 }'),
);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

assert.deepEqual(await priceOf(url), { cents: 42 }); // at the second attempt
assert.deepEqual(await priceOf(url), { cents: 0, isEstimate: true }); // after three failures
assert.equal(circuit.state, 'open');
assert.deepEqual(await priceOf(url), { cents: 0, isEstimate: true }); // without a request
assert.equal(circuit.snapshot().counters.rejected, 1);
server.closeAllConnections();
server.close();
