import { describe, expect, it } from 'vitest';
import {
  LoadResponse,
  unloadedLatencyMs,
  type SlowWindow,
} from '../../src/controllers/load-response.ts';

/** Windows with so much in work, and the latency that it brings. */
function windowsOf(
  inWork: readonly number[],
  latencyOf: (inWork: number) => number,
  succeeded = 300,
): SlowWindow[] {
  return inWork.map((each) => {
    const p50Ms = latencyOf(each);
    return { durationMs: 1_000, inWork: each, p50Ms, p90Ms: p50Ms * 1.67, succeeded };
  });
}

const FALLING = [40, 40, 40, 40, 30, 30, 30];

describe('the latency that no load explains', () => {
  it('is that which does not fall with what is in work', () => {
    expect(unloadedLatencyMs(windowsOf(FALLING, () => 150))).toBeCloseTo(150);
  });

  it('is none where it falls in proportion, as on a downstream that is full', () => {
    expect(unloadedLatencyMs(windowsOf(FALLING, (inWork) => 5 * inWork))).toBeUndefined();
  });

  it('is not told while about the same is in work', () => {
    const windows = windowsOf([40, 40, 40, 40, 38, 38, 38], () => 150);
    expect(unloadedLatencyMs(windows)).toBeUndefined();
  });

  it('is not told from too few runs to be sure', () => {
    expect(unloadedLatencyMs(windowsOf(FALLING, () => 150, 10))).toBeUndefined();
    expect(unloadedLatencyMs([])).toBeUndefined();
  });

  it('is not told by runs that began while more was in work', () => {
    // They take more than a window: what is seen belongs to what was in work before.
    const windows = windowsOf(FALLING, () => 1_500).map((window) => ({ ...window, p90Ms: 2_500 }));
    expect(unloadedLatencyMs(windows)).toBeUndefined();
  });

  it('is not told by the window in which the latency rose', () => {
    const [first, ...others] = windowsOf([40, 40, 40, 30, 30, 30], () => 150);
    expect(unloadedLatencyMs([first!, ...others])).toBeUndefined();
  });
});

describe('the response of one who may not be alone', () => {
  const seen = (response: LoadResponse, latencyMs: number): boolean[] =>
    windowsOf(FALLING, () => latencyMs).map((window) => response.see(window));

  it('finds a latency that no load explains, until the next probes', () => {
    const response = new LoadResponse();
    response.probed(100);

    expect(seen(response, 150)).toEqual([false, false, false, false, false, false, true]);
    expect(response.unloadedMs).toBeCloseTo(150);
    response.probed(105);
    expect(response.unloadedMs).toBe(0);
  });

  it('finds none far above that of the probes', () => {
    const response = new LoadResponse();
    response.probed(100);

    expect(seen(response, 160)).not.toContain(true);
    expect(response.unloadedMs).toBe(0);
  });

  it('follows probes that rise in an overload only slowly, and those that fall at once', () => {
    const response = new LoadResponse();
    response.probed(100);
    response.probed(200);
    expect(seen(response, 160)).not.toContain(true);

    response.clear();
    for (let cycle = 0; cycle < 10; cycle += 1) response.probed(200);
    expect(seen(response, 160)).toContain(true);

    response.clear();
    response.probed(100);
    expect(seen(response, 160)).not.toContain(true);
  });

  it('goes on from a snapshot', () => {
    const before = new LoadResponse();
    before.probed(100);
    for (const window of windowsOf(FALLING.slice(0, -1), () => 150)) before.see(window);
    const after = new LoadResponse();

    after.restore(JSON.parse(JSON.stringify(before.snapshot())) as number[]);

    expect(after.snapshot()).toEqual(before.snapshot());
    expect(after.see(windowsOf(FALLING.slice(-1), () => 150)[0]!)).toBe(true);
  });
});
