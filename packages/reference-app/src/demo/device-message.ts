import type { Micros } from '../system/timestamp.ts';

interface Scheduled {
  readonly uid: string;
  /** Milliseconds after the start at which the device sends it; 0 = as soon as there is room. */
  readonly atMs: number;
}

export interface DeviceHello extends Scheduled {
  readonly kind: 'hello';
  readonly zone: string;
}

export interface DeviceTelemetry extends Scheduled {
  readonly kind: 'telemetry';
  readonly ts: Micros;
  /** Counts a node's messages from 0; a duplicate repeats it. */
  readonly seq: number;
  readonly values: Readonly<Record<string, unknown>>;
}

export type DeviceMessage = DeviceHello | DeviceTelemetry;

/** Where the messages of a run come from: a recorded file or the simulator. In the order of sending. */
export interface DeviceSource {
  readonly messages: AsyncIterable<DeviceMessage> | Iterable<DeviceMessage>;
  /** How far the source is, from 0 to 1. */
  progress(): number;
}
