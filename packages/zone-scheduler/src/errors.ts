import { HoldfastError } from '@holdfast/internal';
import type { Fence } from './shards.ts';

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

/**
 * `classify` of the options threw, or gave what is no class, so that whose fault the failure is cannot be told. Its message
 * also says what the zone failed with, which is its cause.
 */
export class ClassifyError extends HoldfastError {
  override readonly name = 'ClassifyError';
  override readonly code = 'CLASSIFY_FAILED';

  constructor(why: string, options: { readonly cause: unknown }) {
    super('CLASSIFY_FAILED', `classify failed: ${why}`, options);
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

  /** `env` is what was looked in; undefined: the caller gave none. */
  constructor(
    variable: string,
    rule: string,
    { value, env }: { readonly value: string | undefined; readonly env: object | undefined },
  ) {
    const nothing =
      env === undefined
        ? 'nothing: no env was given, such as { env: process.env }'
        : 'nothing in env';
    const got = value === undefined ? nothing : JSON.stringify(value);
    super('SHARD_SETTINGS', `${variable} must be ${rule}, got ${got}`);
    this.variable = variable;
    this.value = value;
  }
}

/**
 * The zone went to another instance; nothing more may be done for it. As the reason of its signal it has a cause: what
 * the shards say of their loss, such as a `ShardsLostError`. `assertOwned()` may notice before they do, and gives none.
 */
export class OwnershipLostError extends HoldfastError {
  override readonly name = 'OwnershipLostError';
  override readonly code = 'OWNERSHIP_LOST';
  readonly shard: number;

  constructor(shard: number, options?: { readonly cause: Error }) {
    super('OWNERSHIP_LOST', `shard ${shard} is no longer owned by this instance`, options);
    this.shard = shard;
  }
}

/** Why shards are no longer ours; what `abandon()` of the port is told. Another instance may work on them. */
export class ShardsLostError extends HoldfastError {
  override readonly name = 'ShardsLostError';
  override readonly code = 'SHARDS_LOST';
  readonly shards: readonly number[];

  constructor(shards: readonly number[], why: string, options: { readonly cause?: unknown } = {}) {
    const what = shards.length === 1 ? `shard ${shards[0]} is` : `${shards.length} shards are`;
    // Without one, an error must not have a cause of `undefined`.
    super(
      'SHARDS_LOST',
      `${what} no longer ours: ${why}`,
      'cause' in options ? options : undefined,
    );
    this.shards = shards;
  }
}

/** A write was refused because a newer owner has the shard, or has written before. Its transaction must be rolled back. */
export class FencedError extends HoldfastError {
  override readonly name = 'FencedError';
  override readonly code = 'FENCED';
  readonly fence: Fence;

  constructor(fence: Fence) {
    super(
      'FENCED',
      `epoch ${fence.epoch} of ${fence.owner} for shard ${fence.shard} of ${fence.group} is not the newest any more`,
    );
    this.fence = fence;
  }
}

/** The tables of the shards are missing, or of another version than this package works with. */
export class ShardSchemaError extends HoldfastError {
  override readonly name = 'ShardSchemaError';
  override readonly code = 'SHARD_SCHEMA';
  readonly schema: string;
  /** As it was found; undefined when there is none. */
  readonly version: number | undefined;
  readonly neededVersion: number;

  constructor(schema: string, version: number | undefined, neededVersion: number) {
    const state = version === undefined ? 'is not installed' : `has version ${version}`;
    super(
      'SHARD_SCHEMA',
      `the schema ${schema} ${state}, needed is version ${neededVersion}: see postgresShardsStatements`,
    );
    this.schema = schema;
    this.version = version;
    this.neededVersion = neededVersion;
  }
}

/** The members of a group must have the same number of shards: a zone would else be in two shards, with two owners. */
export class ShardTotalError extends HoldfastError {
  override readonly name = 'ShardTotalError';
  override readonly code = 'SHARD_TOTAL';
  readonly group: string;
  /** Of the members that are there. */
  readonly total: number;

  constructor(group: string, total: number, own: number) {
    super(
      'SHARD_TOTAL',
      `shards must be the same in all members of ${group}: those that are there have ${total}, got ${own}`,
    );
    this.group = group;
    this.total = total;
  }
}

/** The server did not answer a statement about shards in time. Whether it was carried out is not known. */
export class ShardRequestTimeoutError extends HoldfastError {
  override readonly name = 'ShardRequestTimeoutError';
  override readonly code = 'SHARD_REQUEST_TIMEOUT';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super('SHARD_REQUEST_TIMEOUT', `the server did not answer within ${Math.round(timeoutMs)} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** The shards were closed before. */
export class ShardsClosedError extends HoldfastError {
  override readonly name = 'ShardsClosedError';
  override readonly code = 'SHARDS_CLOSED';

  constructor() {
    super('SHARDS_CLOSED', 'the shards are closed: they cannot be started again');
  }
}
