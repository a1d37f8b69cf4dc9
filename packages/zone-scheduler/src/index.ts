export type { Alert, AlertKind, AlertLevel, AlertOptions } from './alert.ts';
export { isHoldfastError, type Clock, type Timer } from '@holdfast/internal';
export type { Controller, LimitExplanation, PlanInput, WindowStats } from './controller.ts';
export type { AdaptiveOptions } from './controllers/adaptive-options.ts';
export { adaptive } from './controllers/adaptive.ts';
export { aimd, type AimdOptions } from './controllers/aimd.ts';
export {
  createBudget,
  type Budget,
  type BudgetOptions,
  type BudgetShare,
  type BudgetShareOptions,
} from './controllers/budget.ts';
export { fixed } from './controllers/fixed.ts';
export { gradient2, type Gradient2Options } from './controllers/gradient2.ts';
export { littlesLaw, type LittlesLawOptions } from './controllers/littles-law.ts';
export type { SampledLimitOptions } from './controllers/sampled-limit.ts';
export { vegas, type VegasOptions } from './controllers/vegas.ts';
export { createZoneScheduler } from './create-zone-scheduler.ts';
export {
  ClassifyError,
  CycleRunningError,
  FencedError,
  OwnershipLostError,
  SchedulerClosedError,
  ShardsClosedError,
  ShardSettingsError,
  ShardsLostError,
  ZoneSourceTimeoutError,
  ZoneTimeoutError,
} from './errors.ts';
export type {
  BreakerOptions,
  Overrun,
  QuarantineOptions,
  SuspectOptions,
  ZoneSchedulerOptions,
} from './options.ts';
export type { ShardRegistration, ShardRegistry } from './shard-registry.ts';
export type {
  Fence,
  ShardHost,
  ShardOwnership,
  Shards,
  ShardsEvents,
  ShardsSnapshot,
} from './shards.ts';
export { allZones } from './shards/all-zones.ts';
export { assignBounded } from './shards/assign-bounded.ts';
export { shardOf } from './shards/hash.ts';
export { rendezvous, type Member } from './shards/rendezvous.ts';
export {
  staticShards,
  type Environment,
  type StaticShardsOptions,
} from './shards/static-shards.ts';
export type {
  CycleOutcome,
  CycleReport,
  DrainReport,
  FailureGroup,
  LatencySummary,
  ReportedLimit,
  ZoneCounts,
  ZoneFailure,
} from './cycle-report.ts';
export type { Classify, FailureClass, Zone, ZoneContext, ZoneHandler, ZoneSource } from './zone.ts';
export type {
  ZoneScheduler,
  ZoneSchedulerEvents,
  ZoneSchedulerSnapshot,
} from './zone-scheduler.ts';
