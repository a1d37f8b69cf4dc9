import { seededRandom } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { createServers, createUsl } from '../../src/sim/downstream.ts';
import { createServiceTime, type ServiceOptions } from '../../src/sim/service-time.ts';
import { createVirtualClock } from '../../src/sim/virtual-clock.ts';

const NO_LIMITS = { thrash: 0, acquireTimeoutMs: Infinity };

describe('servers', () => {
  it('serve in order of arrival, so many at a time', async () => {
    const clock = createVirtualClock();
    const servers = createServers(clock, { ...NO_LIMITS, servers: 2 });
    const done: [string, number][] = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      void servers.serve(100).then(() => done.push([name, clock.now()]));
    }
    expect(servers.inWork).toBe(4);

    await clock.runUntil(500);

    expect(done).toEqual([
      ['a', 100],
      ['b', 100],
      ['c', 200],
      ['d', 200],
    ]);
    expect(servers.inWork).toBe(0);
  });

  it('are slower for what waits beyond them', async () => {
    const clock = createVirtualClock();
    const servers = createServers(clock, { ...NO_LIMITS, servers: 1, thrash: 0.5 });
    const done: number[] = [];
    for (let n = 0; n < 2; n += 1) void servers.serve(100).then(() => done.push(clock.now()));
    await clock.runUntil(500);
    // The second one starts when nothing waits any more.
    expect(done).toEqual([100, 200]);

    const late: number[] = [];
    for (let n = 0; n < 3; n += 1) void servers.serve(100).then(() => late.push(clock.now() - 500));
    await clock.runUntil(2_000);
    // One waits behind the second: 100 * (1 + 0.5 * 1)
    expect(late).toEqual([100, 250, 350]);
  });

  it('refuse what has waited for a connection for too long', async () => {
    const clock = createVirtualClock();
    const pool = createServers(clock, { thrash: 0, servers: 1, acquireTimeoutMs: 50 });
    void pool.serve(100);
    const second = expect(pool.serve(100)).rejects.toMatchObject({
      code: 'POOL_TIMEOUT',
      message: 'no connection within 50 ms',
    });
    await clock.runUntil(60);
    await second;
    expect(pool.inWork).toBe(1);
  });

  it('take up what waits when there are more of them', async () => {
    const clock = createVirtualClock();
    const servers = createServers(clock, { ...NO_LIMITS, servers: 1 });
    const done: number[] = [];
    for (let n = 0; n < 3; n += 1) void servers.serve(100).then(() => done.push(clock.now()));
    await clock.runUntil(50);
    servers.resize(3);
    await clock.runUntil(500);
    expect(done).toEqual([100, 150, 150]);
  });
});

it('the universal scalability law slows each run by what the others cost it', async () => {
  const clock = createVirtualClock();
  const usl = createUsl(clock, { contention: 0.1, coherency: 0.01 });
  const done: number[] = [];
  for (let n = 0; n < 2; n += 1) void usl.serve(100).then(() => done.push(clock.now()));
  await clock.runUntil(500);
  // Two: 1 + 0.1 * 1 + 0.01 * 2 * 1
  expect(done[0]).toBe(100);
  expect(done[1]).toBeCloseTo(112);
});

const DISTRIBUTIONS: ServiceOptions[] = [
  { distribution: 'constant', medianMs: 100 },
  { distribution: 'lognormal', medianMs: 100, sigma: 0.6 },
  { distribution: 'pareto', medianMs: 100, alpha: 3 },
  { distribution: 'bimodal', medianMs: 100, slowMs: 1_000, slowShare: 0.1 },
];

it.each(DISTRIBUTIONS)('draws times of the right median and mean: %o', (options) => {
  const service = createServiceTime(options);
  const random = seededRandom(3);
  const drawn = Array.from({ length: 40_000 }, () => service.draw(random)).sort((a, b) => a - b);
  expect(drawn[20_000]! / service.medianMs).toBeCloseTo(1, 1);
  const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
  expect(mean / service.meanMs).toBeCloseTo(1, 1);
});

it.each([
  [{ distribution: 'normal', medianMs: 1 }, 'service.distribution must be one of constant'],
  [{ distribution: 'lognormal', medianMs: 1 }, 'service.sigma must be a number from 0 to 3'],
  [{ distribution: 'constant', medianMs: 0 }, 'service.medianMs must be a finite number of at'],
  [{ distribution: 'constant', mean: 1 }, 'service.mean is not an option'],
])('refuses %o', (wrong, message) => {
  expect(() => createServiceTime(wrong as never)).toThrow(message);
});
