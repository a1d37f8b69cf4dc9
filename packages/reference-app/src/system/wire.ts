import { z } from 'zod';
import { parseTimestamp, type Micros } from './timestamp.ts';

/**
 * What devices and the back end say to each other over MQTT.
 *
 * - `<root>/node/<uid>/hello`      device → back end: `{ "zone"?: text }`, at start and after an outage
 * - `<root>/node/<uid>/telemetry`  device → back end: `{ "ts": time, "seq": integer, "values": { metric: value } }`
 * - `<root>/zone/<uid>/command`    back end → devices: `{ "mode": "heat" | "vent" | "idle", "version": integer }`
 *
 * A uid or zone may be any text: it is percent-encoded in the topic, where `/`, `+` and `#` mean something.
 */
export type MessageKind = 'hello' | 'telemetry';

export interface Hello {
  readonly zone: string;
}

export interface Telemetry {
  readonly ts: Micros;
  readonly seq: number;
  /** Values as they came; what is not a number is judged sample by sample. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The zone of a device that names none. */
const DEFAULT_ZONE = 'default';

/** PostgreSQL's text cannot hold NUL; a longer name is a mistake of the device. */
const name = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !text.includes('\0'), 'must not contain NUL')
  // Half a surrogate pair has no UTF-8: it would arrive as another name.
  .refine((text) => !/\p{Surrogate}/u.test(text), 'must be well-formed');
const helloSchema = z.object({ zone: name.default(DEFAULT_ZONE) });
const telemetrySchema = z.object({
  ts: z.union([z.string(), z.number()]),
  seq: z.int().min(0),
  // Kept as it is: a rebuilt object would lose a metric named __proto__.
  values: z.custom<Readonly<Record<string, unknown>>>(
    isValues,
    'must be an object of named values',
  ),
});

function isValues(values: unknown): boolean {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return false;
  return Object.keys(values).every(isName);
}

export function nodeTopic(root: string, uid: string, kind: MessageKind): string {
  return `${root}/node/${encodeURIComponent(uid)}/${kind}`;
}

export function nodeTopicFilter(root: string, kind: MessageKind): string {
  return `${root}/node/+/${kind}`;
}

export function commandTopic(root: string, zone: string): string {
  return `${root}/zone/${encodeURIComponent(zone)}/command`;
}

/** True when `text` can be the uid of a node, the name of a zone or of a metric. */
export function isName(text: string): boolean {
  return name.safeParse(text).success;
}

/** The kind and uid that a topic names; undefined when it is none of ours. */
export function parseNodeTopic(
  root: string,
  topic: string,
): { readonly kind: MessageKind; readonly uid: string } | undefined {
  if (!topic.startsWith(`${root}/node/`)) return undefined;
  const [encoded = '', kind, ...rest] = topic.slice(`${root}/node/`.length).split('/');
  if (rest.length > 0 || (kind !== 'hello' && kind !== 'telemetry')) return undefined;
  try {
    const uid = name.safeParse(decodeURIComponent(encoded));
    return uid.success ? { kind, uid: uid.data } : undefined;
  } catch {
    // Not percent-encoded text: a device that does not follow the contract.
    return undefined;
  }
}

/** @throws {SyntaxError | z.ZodError} when `body` is not a hello. */
export function parseHello(body: string): Hello {
  return helloSchema.parse(JSON.parse(body));
}

/** @throws {SyntaxError | z.ZodError | RangeError} when `body` is not telemetry. */
export function parseTelemetry(body: string): Telemetry {
  const message = telemetrySchema.parse(JSON.parse(body));
  const ts = parseTimestamp(message.ts);
  if (ts === undefined) throw new RangeError(`ts is not a time: ${JSON.stringify(message.ts)}`);
  return { ts, seq: message.seq, values: message.values };
}
