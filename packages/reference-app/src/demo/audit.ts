import type { Pool } from 'pg';
import type { Micros } from '../system/timestamp.ts';
import type { Expectations, ExpectedSeries } from './expectations.ts';

export interface Audit {
  /** Registered nodes among those that published. */
  readonly nodes: number;
  /** Series with at least one stored sample. */
  readonly series: number;
  /** Acknowledged samples that are not in the table, or are there with another value. */
  readonly lost: number;
  /** Series whose `telemetry_last` is missing, older than the newest acknowledged sample, or has another value. */
  readonly stale: number;
}

const SELECT_NODES = `select id, uid from nodes where uid = any($1::text[])`;

/** Microseconds as int8: exact, and as a number of this size also exact in JavaScript. */
const MICROS = `(extract(epoch from ts) * 1000000)::int8::text`;
const SELECT_SAMPLES = `
  select metric, ${MICROS} as ts, value from telemetry_samples
  where node_id = $1
    and ts between timestamptz 'epoch' + $2 * interval '1 microsecond'
    and timestamptz 'epoch' + $3 * interval '1 microsecond'`;
const SELECT_LAST = `select metric, ${MICROS} as ts, value from telemetry_last where node_id = $1`;

interface Row {
  readonly metric: string;
  readonly ts: string;
  readonly value: number;
}

/** Compares the database with what was acknowledged: the oracle that the pipeline's own counters are held against. */
export async function audit(pool: Pool, expectations: Expectations): Promise<Audit> {
  const { rows: nodes } = await pool.query<{ id: string; uid: string }>(SELECT_NODES, [
    [...expectations.nodes],
  ]);
  const ids = new Map(nodes.map(({ uid, id }) => [uid, id]));
  const byNode = new Map<string, ExpectedSeries[]>();
  for (const series of expectations.series()) {
    const known = byNode.get(series.uid);
    if (known === undefined) byNode.set(series.uid, [series]);
    else known.push(series);
  }

  let lost = 0;
  let stale = 0;
  let storedSeries = 0;
  for (const [uid, expected] of byNode) {
    const found = await readNode(pool, ids.get(uid), expected);
    for (const series of expected) {
      const samples = found.samples.get(series.metric) ?? NO_SAMPLES;
      const missing = countMissing(series, samples);
      lost += missing;
      if (missing < series.values.size) storedSeries += 1;
      if (isStale(series, found.last.get(series.metric))) stale += 1;
    }
  }
  return { nodes: nodes.length, series: storedSeries, lost, stale };
}

const NO_SAMPLES: ReadonlyMap<Micros, number> = new Map();

/** One node at a time, so that memory stays bounded by the largest node. */
async function readNode(
  pool: Pool,
  nodeId: string | undefined,
  expected: readonly ExpectedSeries[],
): Promise<{ samples: Map<string, Map<Micros, number>>; last: Map<string, Row> }> {
  const samples = new Map<string, Map<Micros, number>>();
  const last = new Map<string, Row>();
  if (nodeId === undefined) return { samples, last };
  let oldest = Infinity;
  let newest = -Infinity;
  for (const { values } of expected) {
    for (const ts of values.keys()) {
      oldest = Math.min(oldest, ts);
      newest = Math.max(newest, ts);
    }
  }
  const stored = await pool.query<Row>(SELECT_SAMPLES, [nodeId, oldest, newest]);
  for (const { metric, ts, value } of stored.rows) {
    let series = samples.get(metric);
    if (series === undefined) samples.set(metric, (series = new Map<Micros, number>()));
    series.set(Number(ts), value);
  }
  const latest = await pool.query<Row>(SELECT_LAST, [nodeId]);
  for (const row of latest.rows) last.set(row.metric, row);
  return { samples, last };
}

function countMissing(series: ExpectedSeries, samples: ReadonlyMap<Micros, number>): number {
  let missing = 0;
  for (const ts of series.values.keys()) {
    const stored = samples.get(ts);
    if (stored === undefined || !wasPublished(series, ts, stored)) missing += 1;
  }
  return missing;
}

function isStale(series: ExpectedSeries, last: Row | undefined): boolean {
  if (last === undefined) return true;
  const ts = Number(last.ts);
  if (ts !== series.newest) return ts < series.newest;
  return !wasPublished(series, ts, last.value);
}

function wasPublished(series: ExpectedSeries, ts: Micros, value: number): boolean {
  return series.values.get(ts) === value || series.others.get(ts)?.has(value) === true;
}
