export { isHoldfastError, type Clock, type Timer } from '@holdfast/internal';
export { createZoneScheduler } from './create-zone-scheduler.ts';
export {
  CycleRunningError,
  SchedulerClosedError,
  ZoneSourceTimeoutError,
  ZoneTimeoutError,
} from './errors.ts';
export type { ZoneSchedulerOptions } from './options.ts';
export type {
  CycleReport,
  DrainReport,
  Zone,
  ZoneContext,
  ZoneCounts,
  ZoneFailure,
  ZoneHandler,
  ZoneScheduler,
  ZoneSchedulerEvents,
  ZoneSchedulerSnapshot,
  ZoneSource,
} from './zone.ts';
