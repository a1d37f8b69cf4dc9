import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseTimestamp, type Micros } from '../system/timestamp.ts';
import { isName } from '../system/wire.ts';
import { BadInputError } from './bad-input-error.ts';
import type { DeviceMessage, DeviceSource } from './device-message.ts';
import { fieldAt } from './field-at.ts';

export interface ReplayOptions {
  readonly file: string;
  /** Field names; a name with dots is a path into nested objects. */
  readonly fields: { readonly ts: string; readonly node: string; readonly values: string };
  /** How many times faster than recorded; `max`: as fast as the system takes it. */
  readonly speed: number | 'max';
}

export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

/** Zone of the nodes of a recording, which has none. */
const REPLAY_ZONE = 'replay';

/** Largest values of a message, as JSON: the ingest queue takes messages of up to 256 KiB. */
const MAX_VALUES_BYTES = 200_000;

/**
 * Reads a file of newline-delimited JSON as the messages of devices: a hello before each node's first message. A line
 * that is no message is told to `onBadLine` and left out.
 *
 * @throws {BadInputError} when the file cannot be read.
 */
export async function openReplay(
  options: ReplayOptions,
  onBadLine: (bad: BadLine) => void,
): Promise<DeviceSource> {
  const { file } = options;
  const size = await sizeOf(file);
  let stream: ReadStream | undefined;

  async function* messages(): AsyncGenerator<DeviceMessage> {
    const sequences = new Map<string, number>();
    stream = createReadStream(file, { encoding: 'utf8' });
    const lines = createInterface({ input: stream, crlfDelay: Infinity });
    let line = 0;
    let firstTs: Micros | undefined;
    try {
      for await (const text of lines) {
        line += 1;
        if (text.trim() === '') continue;
        const reading = readLine(text, options.fields);
        if (typeof reading === 'string') {
          onBadLine({ line, reason: reading });
          continue;
        }
        const { uid, ts, values } = reading;
        firstTs ??= ts;
        const atMs = options.speed === 'max' ? 0 : (ts - firstTs) / 1000 / options.speed;
        const seq = sequences.get(uid) ?? 0;
        if (seq === 0) yield { kind: 'hello', uid, zone: REPLAY_ZONE, atMs };
        sequences.set(uid, seq + 1);
        yield { kind: 'telemetry', uid, ts, seq, values, atMs };
      }
    } catch (error) {
      throw new BadInputError(`cannot replay ${file}: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      lines.close();
      stream.destroy();
    }
  }

  return {
    messages: messages(),
    progress: () => (size === 0 ? 1 : (stream?.bytesRead ?? 0) / size),
  };
}

interface Reading {
  readonly uid: string;
  readonly ts: Micros;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The message in a line, or the reason why there is none. */
function readLine(text: string, fields: ReplayOptions['fields']): Reading | string {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  const node = fieldAt(record, fields.node);
  if (node === undefined || node === null) {
    return `no node in field "${fields.node}"; ${describeFields(record)}`;
  }
  const uid = typeof node === 'number' ? String(node) : node;
  if (typeof uid !== 'string' || !isName(uid)) {
    return `field "${fields.node}" is not the name of a node: ${excerpt(node)}`;
  }
  const time = fieldAt(record, fields.ts);
  if (time === undefined) return `no time in field "${fields.ts}"; ${describeFields(record)}`;
  const ts = parseTimestamp(time);
  if (ts === undefined) return `field "${fields.ts}" is not a time: ${excerpt(time)}`;
  const values = fieldAt(record, fields.values);
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return `no object of values in field "${fields.values}"; ${describeFields(record)}`;
  }
  const badMetric = Object.keys(values).find((metric) => !isName(metric));
  if (badMetric !== undefined) return `${JSON.stringify(badMetric)} is not the name of a metric`;
  if (Buffer.byteLength(JSON.stringify(values)) > MAX_VALUES_BYTES) {
    return `more than ${MAX_VALUES_BYTES} bytes of values`;
  }
  return { uid, ts, values: values as Readonly<Record<string, unknown>> };
}

function describeFields(record: unknown): string {
  if (typeof record !== 'object' || record === null) return 'the line is no object';
  return `the line has ${Object.keys(record).slice(0, 10).join(', ') || 'no fields'}`;
}

function excerpt(value: unknown): string {
  return JSON.stringify(value).slice(0, 60);
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new BadInputError(`cannot replay ${file}: it is a folder`);
    return found.size;
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = missing ? 'no such file' : (error as Error).message;
    throw new BadInputError(`cannot replay ${file}: ${reason}`, { cause: error });
  }
}
