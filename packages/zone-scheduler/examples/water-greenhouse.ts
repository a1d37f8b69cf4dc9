import assert from 'node:assert/strict';
import { createZoneScheduler, type CycleReport } from '@holdfast/zone-scheduler';

const scheduler = createZoneScheduler<{ dry: boolean }>({
  zones: loadZones, // asked once a cycle
  handler: async (zone, { signal }) => {
    if (zone.data?.dry === true) await openValve(zone.id, signal);
  },
  cycleMs: 15_000,
  timeoutMs: 5_000,
});

const firstReport = new Promise<CycleReport>((resolve) => scheduler.on('cycle', resolve));
await scheduler.start();

const { zones } = await firstReport;
assert.deepEqual([zones.planned, zones.ok, zones.failed], [2, 2, 0]);

await scheduler.close();

function loadZones() {
  return [
    { id: 'north', data: { dry: true } },
    { id: 'south', data: { dry: false } },
  ];
}

/** Stands for a command to a device. */
async function openValve(_zoneId: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return Promise.resolve();
}
