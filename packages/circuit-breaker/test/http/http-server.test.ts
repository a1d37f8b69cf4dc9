import { deadlineHeader, httpErrors } from '@holdfast/circuit-breaker/http';
import { createFakeClock, startFaultProxy } from '@holdfast/testkit';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { circuitBreaker, consecutive, retry, timeout } from '../../src/index.ts';
import type { Judgement } from '../../src/judgement.ts';
import { contextOf } from '../postgres/context.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ended.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Of a port that nobody listens to. */
async function nobody(host = '127.0.0.1'): Promise<string> {
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: 1 });
  await proxy.close();
  return `http://${host}:${proxy.port}`;
}

async function judged(call: () => Promise<unknown>): Promise<unknown[]> {
  const outcome = await timeout({ ms: 30_000 }).tryExecute(call);
  const judgement = httpErrors()(outcome, contextOf()) as Judgement | undefined;
  return [judgement?.verdict, judgement?.retry, judgement?.applied];
}

/** Reads the answer to its end, so that a break counts. */
async function call(url: string): Promise<Response> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response;
}

describe('with fetch', () => {
  it.each(['127.0.0.1', 'localhost'])('nothing was sent when %s refused', async (host) => {
    const url = await nobody(host);

    expect(await judged(() => call(url))).toEqual(['failure', true, 'no']);
  });

  it('it is not known what was done when the connection was reset', async () => {
    const url = await serve((request) => request.socket.resetAndDestroy());

    expect(await judged(() => call(url))).toEqual(['failure', true, 'maybe']);
  });

  it('it is not known what was done when the answer broke off', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.socket?.destroy());
    });

    expect(await judged(() => call(url))).toEqual(['failure', true, 'maybe']);
  });

  it('a 503 may have been applied, unless the server asks to come back', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/later') response.setHeader('retry-after', '1');
      response.writeHead(503).end();
    });

    expect(await judged(() => call(url))).toEqual(['failure', true, 'maybe']);
    expect(await judged(() => call(`${url}/later`))).toEqual(['failure', true, 'no']);
  });

  it('a 404 is a timely answer', async () => {
    const url = await serve((_request, response) => response.writeHead(404).end());

    expect(await judged(() => call(url))).toEqual(['success', false, 'yes']);
  });

  it('a URL that is none is the fault of the caller', async () => {
    expect(await judged(() => call('no url'))).toEqual(['ignore', false, 'no']);
  });
});

it('waits as long as a 503 asks for, and then succeeds', async () => {
  let calls = 0;
  const url = await serve((_request, response) => {
    calls += 1;
    if (calls === 1) response.writeHead(503, { 'retry-after': '2' }).end();
    else response.end('done');
  });
  const clock = createFakeClock();
  const policy = retry({ clock, random: () => 0, classify: httpErrors({ clock }) });
  const waits: number[] = [];
  const waiting = new Promise<void>((resolve) => {
    policy.on('retry', ({ delayMs }) => {
      waits.push(delayMs);
      resolve();
    });
  });

  const call = policy.execute(() => fetch(url));
  await waiting;
  await clock.advance(1_999);
  expect(calls).toBe(1);
  await clock.advance(1);

  expect(await (await call).text()).toBe('done');
  expect(waits).toEqual([2_000]);
});

it('does not repeat a call that may have been done, unless that does no harm', async () => {
  let calls = 0;
  const url = await serve((_request, response) => {
    calls += 1;
    response.writeHead(500).end();
  });
  const policy = retry({ backoff: { baseMs: 0 }, classify: httpErrors() });
  const post = () => fetch(url, { method: 'POST' });

  const response = await policy.execute(post);
  expect([response.status, calls]).toEqual([500, 1]);
  await policy.execute(post, { idempotent: true });
  expect(calls).toBe(4);
});

it('repeats any call without a classifier only by its errors: the 500 is taken for a result', async () => {
  let calls = 0;
  const url = await serve((_request, response) => {
    calls += 1;
    response.writeHead(500).end();
  });

  await retry({ backoff: { baseMs: 0 } }).execute(() => fetch(url), { idempotent: true });

  expect(calls).toBe(1);
});

it('keeps a circuit open as long as the server asks for', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(503, { 'retry-after': '30' }).end();
  });
  const clock = createFakeClock();
  const breaker = circuitBreaker({
    clock,
    trip: consecutive(1),
    openMs: 1_000,
    classify: httpErrors({ clock }),
  });

  await breaker.execute(() => fetch(url));

  await clock.advance(29_999);
  expect(breaker.state).toBe('open');
  await clock.advance(1);
  expect(breaker.state).toBe('half-open');
});

it('takes a slow answer that our timeout cut for a failure that may have been applied', async () => {
  const url = await serve(() => undefined);
  const clock = createFakeClock();
  const outcome = timeout({ ms: 100, clock }).tryExecute(({ signal }) => fetch(url, { signal }));
  await clock.advance(100);

  const judgement = httpErrors()(await outcome, contextOf());

  expect(judgement).toMatchObject({ verdict: 'failure', retry: true, applied: 'maybe' });
});

it('ignores what the caller aborted', async () => {
  const controller = new AbortController();
  const url = await serve(() => controller.abort());

  expect(await judged(() => fetch(url, { signal: controller.signal }))).toEqual([
    'ignore',
    false,
    'maybe',
  ]);
});

it('tells a server how much time is left', async () => {
  const clock = createFakeClock();
  const deadlines: unknown[] = [];
  const url = await serve(({ headers }, response) => {
    deadlines.push(deadlineHeader.read(headers, clock));
    response.end();
  });
  const call = () =>
    timeout({ ms: 750, clock }).execute((context) => {
      const headers = new Headers();
      deadlineHeader.write(headers, context);
      return fetch(url, { headers });
    });

  await (await call()).text();
  await (await fetch(url)).text();

  expect(deadlines).toEqual([{ deadline: 750 }, undefined]);
});
