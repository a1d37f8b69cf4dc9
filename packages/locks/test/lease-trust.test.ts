import { describe, expect, it } from 'vitest';
import { pollDelayMs } from '../src/leases/lease-poll.ts';
import { renewsAtMs, trustEndsAtMs } from '../src/leases/lease-trust.ts';

describe('trustEndsAtMs', () => {
  it('ends 1 % and 5 ms before the server could let somebody else in', () => {
    expect(trustEndsAtMs(500, 1_000)).toBe(1_485);
    expect(trustEndsAtMs(0, 100)).toBe(94);
  });

  it('leaves room for two more renewals after the first', () => {
    for (const ttlMs of [100, 1_000, 30_000]) {
      expect(renewsAtMs(0, ttlMs) * 2).toBeLessThan(trustEndsAtMs(0, ttlMs));
    }
  });
});

describe('pollDelayMs', () => {
  it.each([
    [60_000, 0, 125],
    [60_000, 1, 250],
    [200, 0, 125],
    [50, 0, 60],
    [50, 1, 80],
    [0, 0, 10],
    [-5_000, 1, 30],
  ])('for %d ms left and the random number %d is %d', (remainingMs, random, delayMs) => {
    expect(pollDelayMs(remainingMs, () => random)).toBe(delayMs);
  });
});
