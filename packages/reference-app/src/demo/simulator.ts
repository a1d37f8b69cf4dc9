import type { Random } from '@holdfast/internal';
import type { DeviceMessage } from './device-message.ts';

export interface SimulatorOptions {
  readonly nodes: number;
  readonly zones: number;
  readonly seconds: number;
  /** Microseconds since the epoch at which the run starts: the devices' clocks. */
  readonly startMicros: number;
  readonly random: Random;
}

/** Each node sends once in this time, at its own phase. */
const INTERVAL_MS = 1_000;

interface SimulatedNode {
  readonly uid: string;
  readonly zone: string;
  readonly phaseMs: number;
  air_temp: number;
  humidity: number;
  co2: number;
  battery: number;
}

/** Healthy nodes of a greenhouse: a hello each, then a message a second with four readings that wander. */
export function* simulateNodes(options: SimulatorOptions): Generator<DeviceMessage> {
  const { seconds, startMicros, random } = options;
  const nodes = createNodes(options);
  for (const { uid, zone, phaseMs } of nodes) yield { kind: 'hello', uid, zone, atMs: phaseMs };
  const rounds = Math.floor((seconds * 1000) / INTERVAL_MS);
  for (let seq = 0; seq < rounds; seq += 1) {
    for (const node of nodes) {
      const atMs = seq * INTERVAL_MS + node.phaseMs;
      wander(node, random);
      const { uid, air_temp, humidity, co2, battery } = node;
      const ts = startMicros + Math.round(atMs * 1000);
      yield { kind: 'telemetry', uid, ts, seq, values: { air_temp, humidity, co2, battery }, atMs };
    }
  }
}

function createNodes({ nodes, zones, random }: SimulatorOptions): SimulatedNode[] {
  const created = Array.from({ length: nodes }, (_, index) => ({
    uid: `node-${String(index + 1).padStart(5, '0')}`,
    zone: `zone-${String((index % zones) + 1).padStart(4, '0')}`,
    phaseMs: random() * INTERVAL_MS,
    air_temp: 17 + random() * 8,
    humidity: 55 + random() * 30,
    co2: 400 + random() * 400,
    battery: 3.6 + random() * 0.5,
  }));
  // By phase, so that the messages of a round come out in the order in which they are due.
  return created.sort((a, b) => a.phaseMs - b.phaseMs);
}

function wander(node: SimulatedNode, random: Random): void {
  const step = (value: number, size: number): number =>
    Math.round((value + (random() - 0.5) * size) * 100) / 100;
  node.air_temp = step(node.air_temp, 0.6);
  node.humidity = step(node.humidity, 1);
  node.co2 = step(node.co2, 12);
  node.battery = step(node.battery, 0.01);
}
