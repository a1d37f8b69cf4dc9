import type { Added, Queue } from '@holdfast/sync-queue';

interface Reading {
  readonly device: string;
  readonly values: readonly number[];
}

/** Alarms go first; readings of a device stay in order, and those that wait are sent as one. */
export function addReading(
  queue: Queue<Reading>,
  reading: Reading,
  isAlarm: boolean,
): Promise<Added> {
  const { device } = reading;
  if (isAlarm) return queue.add(reading, { priority: 0, key: device });
  return queue.add(reading, {
    priority: 5,
    key: device,
    sampleKey: device,
    coalesce: {
      key: device,
      mode: 'fold',
      fold: (held, added) => ({ device, values: [...held.values, ...added.values] }),
    },
  });
}
