import assert from 'node:assert/strict';
import { createZoneScheduler, fixed } from '@holdfast/zone-scheduler';

const scheduler = createZoneScheduler({
  zones: function* () {
    for (let n = 1; n <= 1_000; n += 1) yield { id: `zone-${n}` };
  },
  handler: async (zone) => {
    if (zone.id === 'zone-13') throw new Error('valve stuck');
    return Promise.resolve();
  },
  controller: fixed(100),
});

const report = await scheduler.runCycle();

assert.equal(report.zones.ok, 999);
assert.equal(report.failures[0]?.zoneId, 'zone-13');
assert.equal(report.failures[0].message, 'valve stuck');
await scheduler.close();
