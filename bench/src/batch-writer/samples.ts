export interface Sample {
  readonly device_id: number;
  readonly key: number;
  readonly ts: Date;
  readonly value: number;
  readonly source: string;
  readonly quality: number;
}

export const COLUMNS = {
  device_id: 'int8',
  key: 'int4',
  ts: 'timestamptz',
  value: 'float8',
  source: 'text',
  quality: 'int2',
} as const;

export const NAMES = Object.keys(COLUMNS) as (keyof Sample)[];
export const KEY = ['device_id', 'key', 'ts'] as const;

export function createTable(name: string): string {
  return `CREATE TABLE ${name} (
    device_id int8, key int4, ts timestamptz, value float8, source text, quality int2,
    PRIMARY KEY (device_id, key, ts))`;
}

/** As 500 devices with four series each send them: one after the other, second by second. */
export function createSamples(count: number, startMs: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    device_id: index % 500,
    key: Math.floor(index / 500) % 4,
    ts: new Date(startMs + Math.floor(index / 2000) * 1000),
    value: index / 8,
    source: `sensor-${index % 7}`,
    quality: index % 3,
  }));
}

/** The text format of COPY, ready to be sent. */
export function encodeForCopy(samples: readonly Sample[]): Buffer {
  return Buffer.from(samples.map((sample) => `${valuesOf(sample).join('\t')}\n`).join(''));
}

export function valuesOf(sample: Sample): (string | number)[] {
  const { device_id, key, ts, value, source, quality } = sample;
  return [device_id, key, ts.toISOString(), value, source, quality];
}
