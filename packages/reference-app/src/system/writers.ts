import {
  classifyPgError,
  createBatchWriter,
  type BatchWriter,
  type DecodedRow,
} from '@holdfast/batch-writer';
import { circuitBreaker, consecutive, pipeline, timeout } from '@holdfast/circuit-breaker';
import { systemClock } from '@holdfast/internal';
import type { Pool } from 'pg';
import type { Logger } from 'pino';

export interface SampleRow {
  readonly node_id: string;
  readonly metric: string;
  /** ISO 8601 with microseconds. */
  readonly ts: string;
  readonly value: number;
}

export interface RejectedValueRow {
  readonly node_id: string;
  readonly metric: string;
  readonly ts: string;
  readonly reason: string;
  readonly raw: string | null;
}

export interface TelemetryWriters {
  readonly samples: BatchWriter<SampleRow>;
  readonly last: BatchWriter<SampleRow>;
  readonly rejected: BatchWriter<RejectedValueRow>;
}

/** A halt needs a person. Tried again regularly all the same, so that mending the cause is all they have to do. */
const RESUME_AFTER_HALT_MS = 5_000;

export function createWriters(pool: Pool, log: Logger): TelemetryWriters {
  // One guard for all: they share the database, so they share the verdict on it.
  const guard = pipeline(
    circuitBreaker({
      name: 'postgres',
      trip: consecutive(5),
      openMs: 2_000,
      // A row that the database refuses says nothing about the database.
      classify: ({ ok, error }) =>
        !ok && classifyPgError(error).class === 'row' ? { verdict: 'ignore' } : undefined,
    }),
    timeout({ ms: 15_000 }),
  );
  const sampleColumns = {
    node_id: 'int8',
    metric: 'text',
    ts: 'timestamptz',
    value: 'float8',
  } as const;

  const rejected = createBatchWriter<RejectedValueRow>({
    pool,
    table: 'telemetry_rejected',
    columns: { node_id: 'int8', metric: 'text', ts: 'timestamptz', reason: 'text', raw: 'text' },
    key: ['node_id', 'metric', 'ts'],
    guard,
  });

  const samples = createBatchWriter<SampleRow>({
    pool,
    table: 'telemetry_samples',
    columns: sampleColumns,
    key: ['node_id', 'metric', 'ts'],
    guard,
    onRejected: async (rows) => {
      await rejected.writeMany(rows.map(({ row, reason }) => toRejectedValue(row, reason)));
      await rejected.flush();
    },
  });
  const last = createBatchWriter<SampleRow>({
    pool,
    table: 'telemetry_last',
    columns: sampleColumns,
    key: ['node_id', 'metric'],
    onConflict: { newerThan: 'ts' },
    guard,
  });
  watch('telemetry_samples', samples, log);
  watch('telemetry_last', last, log);
  watch('telemetry_rejected', rejected, log);
  return { samples, last, rejected };
}

function watch<Row extends object>(table: string, writer: BatchWriter<Row>, log: Logger): void {
  writer.on('retry', ({ error }) => log.warn({ err: error, table }, 'a write is tried again'));
  writer.on('rejected', ({ rows }) => log.warn({ rows, table }, 'rows were refused'));
  writer.on('halted', ({ error }) => {
    log.error({ err: error, table }, 'writing is halted: a person must look');
    systemClock.setTimer(() => writer.resume(), RESUME_AFTER_HALT_MS, { background: true });
  });
}

function toRejectedValue(
  { node_id, metric, ts, value }: DecodedRow<SampleRow>,
  why: string,
): RejectedValueRow {
  return {
    node_id: String(node_id),
    metric: String(metric),
    ts: String(ts),
    reason: `refused by the database: ${why}`,
    raw: String(value),
  };
}
