import type { Random } from '@holdfast/internal';
import type { DeviceHello, DeviceMessage, DeviceTelemetry } from './device-message.ts';

/** What the fault layer did, in messages (`outages` in outages). */
export interface FaultCounts {
  /** Sent twice, as QoS 1 may. */
  duplicates: number;
  /** Sent after the node's next message. */
  disordered: number;
  /** Never sent by the device. */
  gaps: number;
  /** One value was null or the text NaN. */
  notANumber: number;
  /** A node was away for some seconds, said hello three times when it came back and sent its backlog in a burst. */
  outages: number;
  /** Sent in such a burst. */
  backlogged: number;
}

/**
 * Chances for each message. Duplicates, disorder and gaps are some 100 times as frequent as in the recorded data, so
 * that a run of seconds meets all of them.
 */
const CHANCE = { duplicate: 0.01, disorder: 0.01, gap: 0.004, notANumber: 0.005, outage: 0.002 };
const OUTAGE_MS = { min: 1_500, max: 5_000 };
/** Three times: a hello that is repeated while the first is on its way is the race that registration must survive. */
const HELLOS_AFTER_OUTAGE = 3;

interface NodeFaults {
  readonly hello: DeviceHello;
  /** Held back until the node's next message. */
  late: DeviceTelemetry | undefined;
  outage: { readonly untilMs: number; readonly backlog: DeviceTelemetry[] } | undefined;
}

/** Makes healthy devices' messages look like those of real ones. The same `random` gives the same faults. */
export function* injectFaults(
  messages: Iterable<DeviceMessage>,
  random: Random,
  counts: FaultCounts,
): Generator<DeviceMessage> {
  const nodes = new Map<string, NodeFaults>();
  let nowMs = 0;
  for (const message of messages) {
    nowMs = message.atMs;
    if (message.kind === 'hello') {
      nodes.set(message.uid, { hello: message, late: undefined, outage: undefined });
      yield message;
      continue;
    }
    const node = nodes.get(message.uid);
    if (node === undefined) throw new Error(`telemetry before the hello of ${message.uid}`);
    yield* disturb(message, node, random, counts);
  }
  for (const node of nodes.values()) yield* recover(node, nowMs);
}

function* disturb(
  sent: DeviceTelemetry,
  node: NodeFaults,
  random: Random,
  counts: FaultCounts,
): Generator<DeviceMessage> {
  if (random() < CHANCE.gap) {
    counts.gaps += 1;
    return;
  }
  const message = random() < CHANCE.notANumber ? spoil(sent, random, counts) : sent;
  if (node.outage === undefined && random() < CHANCE.outage) {
    counts.outages += 1;
    const lengthMs = OUTAGE_MS.min + random() * (OUTAGE_MS.max - OUTAGE_MS.min);
    node.outage = { untilMs: message.atMs + lengthMs, backlog: [] };
  }
  if (node.outage !== undefined && message.atMs < node.outage.untilMs) {
    counts.backlogged += 1;
    node.outage.backlog.push(message);
    return;
  }
  if (node.outage === undefined && node.late === undefined && random() < CHANCE.disorder) {
    counts.disordered += 1;
    node.late = message;
    return;
  }
  yield message;
  yield* recover(node, message.atMs);
  if (random() < CHANCE.duplicate) {
    counts.duplicates += 1;
    yield message;
  }
}

/** Sends what a node holds back. */
function* recover(node: NodeFaults, atMs: number): Generator<DeviceMessage> {
  const { late, outage, hello } = node;
  node.late = undefined;
  node.outage = undefined;
  if (late !== undefined) yield { ...late, atMs };
  if (outage === undefined) return;
  for (let n = 0; n < HELLOS_AFTER_OUTAGE; n += 1) yield { ...hello, atMs };
  for (const message of outage.backlog) yield { ...message, atMs };
}

function spoil(message: DeviceTelemetry, random: Random, counts: FaultCounts): DeviceTelemetry {
  counts.notANumber += 1;
  const metrics = Object.keys(message.values);
  const metric = metrics[Math.floor(random() * metrics.length)] ?? 'air_temp';
  // JSON has no NaN: encoders write null, or the word as text.
  return { ...message, values: { ...message.values, [metric]: random() < 0.5 ? null : 'NaN' } };
}
