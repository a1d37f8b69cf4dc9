import { expectTypeOf } from 'vitest';
import {
  createZoneScheduler,
  fixed,
  type CycleReport,
  type DrainReport,
  type ZoneContext,
  type ZoneScheduler,
} from '../src/index.ts';

const scheduler = createZoneScheduler<{ bed: number }>({
  zones: async function* () {
    yield await Promise.resolve({ id: 'north', data: { bed: 3 } });
  },
  handler: (zone, context) => {
    expectTypeOf(zone.id).toBeString();
    expectTypeOf(zone.data).toEqualTypeOf<{ bed: number } | undefined>();
    expectTypeOf(context).toEqualTypeOf<ZoneContext>();
    return Promise.resolve();
  },
  controller: fixed(1),
});

expectTypeOf(scheduler).toEqualTypeOf<ZoneScheduler>();
expectTypeOf(scheduler).toExtend<AsyncDisposable>();
expectTypeOf(scheduler.runCycle()).toEqualTypeOf<Promise<CycleReport>>();
expectTypeOf(scheduler.close()).toEqualTypeOf<Promise<DrainReport>>();
scheduler.on('cycle', (report) => {
  expectTypeOf(report).toEqualTypeOf<CycleReport>();
});
// @ts-expect-error: no such event
scheduler.on('tick', () => undefined);
createZoneScheduler({ zones: () => [], handler: () => Promise.resolve() });
// @ts-expect-error: a handler returns a promise
createZoneScheduler({ zones: () => [], handler: () => 5 });
