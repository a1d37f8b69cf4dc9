import { afterEach, describe, expect, it, vi } from 'vitest';

describe('testSeed', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  async function freshSeed(): Promise<() => number> {
    vi.resetModules();
    return (await import('../src/seed.ts')).testSeed;
  }

  it('takes the seed from HOLDFAST_SEED', async () => {
    vi.stubEnv('HOLDFAST_SEED', '42');
    expect((await freshSeed())()).toBe(42);
  });

  it('draws one seed per run otherwise', async () => {
    vi.stubEnv('HOLDFAST_SEED', '');
    const testSeed = await freshSeed();
    expect(testSeed()).toBe(testSeed());
    expect(Number.isSafeInteger(testSeed())).toBe(true);
  });

  it('refuses a seed that is not an integer', async () => {
    vi.stubEnv('HOLDFAST_SEED', 'pi');
    const testSeed = await freshSeed();
    expect(() => testSeed()).toThrow('HOLDFAST_SEED must be an integer, got "pi"');
  });
});
