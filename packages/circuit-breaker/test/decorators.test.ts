import { describe, expect, it } from 'vitest';
import { Break, circuitBreaker, consecutive, Guarded, Retry, Timeout } from '../src/index.ts';

const breaker = circuitBreaker({ name: 'shared', trip: consecutive(2) });

class Warehouse {
  readonly #stock: number;
  calls = 0;

  constructor(stock: number) {
    this.#stock = stock;
  }

  @Retry({ attempts: 3, backoff: { baseMs: 0 } })
  async flaky(failures: number): Promise<number> {
    this.calls += 1;
    if (this.calls <= failures) throw new Error('down');
    return Promise.resolve(this.#stock);
  }

  @Timeout(20)
  hang(): Promise<never> {
    return new Promise(() => undefined);
  }

  @Break({ trip: consecutive(1) })
  down(): Promise<never> {
    return Promise.reject(new Error('down'));
  }

  @Guarded(breaker)
  @Retry({ attempts: 2, backoff: { baseMs: 0 } })
  both(): Promise<never> {
    this.calls += 1;
    return Promise.reject(new Error('down'));
  }
}

describe('standard decorators', () => {
  it('keep this, the arguments and the result', async () => {
    await expect(new Warehouse(7).flaky(2)).resolves.toBe(7);
  });

  it('time out', async () => {
    await expect(new Warehouse(1).hang()).rejects.toMatchObject({ code: 'TIMEOUT', timeoutMs: 20 });
  });

  it('share one circuit between all instances', async () => {
    await expect(new Warehouse(1).down()).rejects.toThrow('down');
    await expect(new Warehouse(2).down()).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
  });

  it('stack: the first one is the outermost', async () => {
    const warehouse = new Warehouse(1);
    for (let n = 0; n < 2; n += 1) await expect(warehouse.both()).rejects.toThrow('down');
    await expect(warehouse.both()).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
    expect(warehouse.calls).toBe(4);
  });
});
