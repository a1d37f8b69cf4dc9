import { seededRandom } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import type { DeviceMessage, DeviceTelemetry } from '../../src/demo/device-message.ts';
import { injectFaults, type FaultCounts } from '../../src/demo/faults.ts';
import { simulateNodes } from '../../src/demo/simulator.ts';

const NODES = 100;
const SECONDS = 60;

function run(seed: number): {
  healthy: DeviceMessage[];
  faulty: DeviceMessage[];
  counts: FaultCounts;
} {
  const counts = {
    duplicates: 0,
    disordered: 0,
    gaps: 0,
    notANumber: 0,
    outages: 0,
    backlogged: 0,
  };
  const simulate = (): Iterable<DeviceMessage> =>
    simulateNodes({
      nodes: NODES,
      zones: 20,
      seconds: SECONDS,
      startMicros: 1e15,
      random: seededRandom(seed),
    });
  const faulty = [...injectFaults(simulate(), seededRandom(seed + 1), counts)];
  return { healthy: [...simulate()], faulty, counts };
}

const telemetryOf = (messages: readonly DeviceMessage[]): DeviceTelemetry[] =>
  messages.filter((message) => message.kind === 'telemetry');
const keyOf = ({ uid, seq }: DeviceTelemetry): string => `${uid}#${seq}`;

describe('simulateNodes', () => {
  it('sends a hello from each node, then a message a second, in the order in which they are due', () => {
    const { healthy } = run(1);

    expect(healthy.filter(({ kind }) => kind === 'hello')).toHaveLength(NODES);
    const telemetry = telemetryOf(healthy);
    expect(telemetry).toHaveLength(NODES * SECONDS);
    const dueTimes = telemetry.map(({ atMs }) => atMs);
    expect(dueTimes).toEqual([...dueTimes].sort((a, b) => a - b));
  });
});

describe('injectFaults', () => {
  it('does the same for the same seed and something else for another', () => {
    expect(run(1).faulty).toEqual(run(1).faulty);
    expect(run(1).faulty).not.toEqual(run(2).faulty);
  });

  it('loses nothing but the gaps, and repeats nothing but the duplicates', () => {
    const { healthy, faulty, counts } = run(3);
    const sent = telemetryOf(faulty);
    const distinct = new Set(sent.map(keyOf));

    expect(telemetryOf(healthy).length - distinct.size).toBe(counts.gaps);
    expect(sent.length - distinct.size).toBe(counts.duplicates);
  });

  it('injects every kind of fault', () => {
    const { faulty, counts } = run(4);

    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
    const spoiled = telemetryOf(faulty).filter(({ values }) =>
      Object.values(values).some((value) => typeof value !== 'number'),
    );
    expect(new Set(spoiled.map(keyOf)).size).toBe(counts.notANumber);
    const hellos = faulty.filter(({ kind }) => kind === 'hello');
    expect(hellos).toHaveLength(NODES + 3 * counts.outages);
  });

  it('sends what an outage held back after the node said hello again', () => {
    const { faulty, counts } = run(5);
    const late = new Set<string>();
    const newest = new Map<string, number>();
    for (const message of telemetryOf(faulty)) {
      const highest = newest.get(message.uid) ?? -1;
      if (message.seq < highest) late.add(keyOf(message));
      newest.set(message.uid, Math.max(highest, message.seq));
    }

    // A disordered message is always late; one of a backlog when a newer one ended the outage before it.
    expect(late.size).toBeGreaterThanOrEqual(counts.disordered / 2);
  });
});
