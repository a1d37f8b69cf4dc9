import { HoldfastError } from '@holdfast/internal';

/** The handler of a zone did not settle in time. Its signal has been aborted with this error; it may still run. */
export class ZoneTimeoutError extends HoldfastError {
  override readonly name = 'ZoneTimeoutError';
  override readonly code = 'ZONE_TIMEOUT';
  readonly zoneId: string;
  readonly timeoutMs: number;

  /** `timeoutMs` is what the zone really had: less than the option when the cycle ended before. */
  constructor(zoneId: string, timeoutMs: number) {
    super('ZONE_TIMEOUT', `zone "${zoneId}" did not settle within ${Math.round(timeoutMs)} ms`);
    this.zoneId = zoneId;
    this.timeoutMs = timeoutMs;
  }
}

/** The source did not give its next zone in time, so the cycle went on without the rest. */
export class ZoneSourceTimeoutError extends HoldfastError {
  override readonly name = 'ZoneSourceTimeoutError';
  override readonly code = 'ZONE_SOURCE_TIMEOUT';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super('ZONE_SOURCE_TIMEOUT', `the source gave no further zone within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** `runCycle()` was called while a cycle ran: two cycles would start the same zone twice. */
export class CycleRunningError extends HoldfastError {
  override readonly name = 'CycleRunningError';
  override readonly code = 'CYCLE_RUNNING';
  readonly cycle: number;

  constructor(cycle: number) {
    super('CYCLE_RUNNING', `cycle ${cycle} is still running`);
    this.cycle = cycle;
  }
}

/** The scheduler is closed. Also the reason with which `close()` aborts what it cannot wait for. */
export class SchedulerClosedError extends HoldfastError {
  override readonly name = 'SchedulerClosedError';
  override readonly code = 'SCHEDULER_CLOSED';

  constructor() {
    super('SCHEDULER_CLOSED', 'the zone scheduler is closed');
  }
}

/** A variable that says which part of the zones is ours is missing or wrong. */
export class ShardSettingsError extends HoldfastError {
  override readonly name = 'ShardSettingsError';
  override readonly code = 'SHARD_SETTINGS';
  readonly variable: string;
  /** As it was found; of `HOSTNAME` when that was looked at in its place. */
  readonly value: string | undefined;

  constructor(variable: string, rule: string, value: string | undefined) {
    const got = value === undefined ? 'nothing' : JSON.stringify(value);
    super('SHARD_SETTINGS', `${variable} must be ${rule}, got ${got}`);
    this.variable = variable;
    this.value = value;
  }
}

/** The zone went to another instance. Its signal has been aborted with this error; nothing more may be done for it. */
export class OwnershipLostError extends HoldfastError {
  override readonly name = 'OwnershipLostError';
  override readonly code = 'OWNERSHIP_LOST';
  readonly shard: number;

  constructor(shard: number) {
    super('OWNERSHIP_LOST', `shard ${shard} is no longer owned by this instance`);
    this.shard = shard;
  }
}
