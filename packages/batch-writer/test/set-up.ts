import {
  createBatchWriter,
  type BatchWriter,
  type BatchWriterOptions,
} from '@holdfast/batch-writer';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import type { FakePool } from './fake-pool.ts';

export interface Reading {
  readonly id: number;
  readonly value: number;
}

export interface Bench {
  readonly clock: FakeClock;
  readonly writer: BatchWriter<Reading>;
}

/** A writer with one lane over a fake pool, on a fake clock, without jitter. */
export function setUp(pool: FakePool, options: Partial<BatchWriterOptions<Reading>> = {}): Bench {
  const clock = createFakeClock();
  const writer = createBatchWriter<Reading>({
    pool,
    table: 'readings',
    columns: { id: 'int4', value: 'float8' },
    key: ['id'],
    lanes: 1,
    clock,
    random: () => 1,
    ...options,
  });
  return { clock, writer };
}

export const reading = (id: number, value = id): Reading => ({ id, value });
