import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, retry, timeout } from '@holdfast/circuit-breaker';
import { deadlineHeader, httpErrors } from '@holdfast/circuit-breaker/http';

const prices = pipeline(
  timeout({ ms: 2_000 }), // of all attempts together
  retry({ backoff: { baseMs: 20 }, classify: httpErrors() }),
);

/** A service that is overloaded at first, and is told how long its answer is of use. */
const budgets: string[] = [];
const server = createServer(({ headers }, response) => {
  const { deadline = 0 } = deadlineHeader.read(headers) ?? {};
  budgets.push(deadline > performance.now() ? 'in time' : 'too late');
  if (budgets.length === 1) response.writeHead(503, { 'retry-after-ms': '50' }).end();
  else response.end('42');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const response = await prices.execute(async (context) => {
  const headers = new Headers();
  deadlineHeader.write(headers, context);
  const answer = await fetch(url, { headers, signal: context.signal });
  if (answer.status === 503) await answer.body?.cancel(); // nobody will read it
  return answer;
});

assert.equal(await response.text(), '42');
assert.deepEqual(budgets, ['in time', 'in time']);
server.closeAllConnections();
server.close();
