import assert from 'node:assert/strict';
import { adaptive, createZoneScheduler } from '@holdfast/zone-scheduler';

const controller = adaptive({ min: 4, max: 200, maxHealthyMs: 2_000 });
const scheduler = createZoneScheduler({
  zones: () => Array.from({ length: 200 }, (_, n) => ({ id: `zone-${n}` })),
  handler: async () => Promise.resolve(),
  controller,
});
await scheduler.runCycle();
await scheduler.close();

const kept = JSON.stringify(controller.snapshot());

// After a restart:
const next = adaptive({ min: 4, max: 200, maxHealthyMs: 2_000 });
next.restore(JSON.parse(kept));
assert.deepEqual(next.explain(), controller.explain());
