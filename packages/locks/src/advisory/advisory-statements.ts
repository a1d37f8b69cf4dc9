/** 0: no bound; what `lock_timeout` takes. */
export type WaitMs = number;

export interface AdvisoryLocks {
  /** In ascending order, so that no two callers wait for each other. */
  readonly keys: readonly bigint[];
  readonly isShared: boolean;
  readonly wait: 'try' | WaitMs;
}

/**
 * Takes locks until the end of the open transaction. A text of several statements, to be sent alone or behind others in
 * one message of the simple protocol. It takes no parameters, which is safe: the keys are numbers of ours and the wait
 * one that was checked.
 *
 * With `try` the last statement says in `acquired` whether all were free; what was free is held all the same. Else
 * `lock_timeout` is put back for the function's own statements: to `lockTimeout`, what the session has it set to; when
 * that is not known, the last statement finds out, and says it. `set_config` takes the server longer than all the rest.
 */
export function lockTransaction(
  { keys, isShared, wait }: AdvisoryLocks,
  lockTimeout: string | undefined,
): string {
  const suffix = isShared ? '_shared' : '';
  if (wait === 'try') {
    return `SELECT ${all(keys.map((key) => `pg_try_advisory_xact_lock${suffix}(${key})`))} AS acquired`;
  }
  // One statement each: in one, the order of evaluation would be the planner's.
  const locks = keys.map((key) => `SELECT pg_advisory_xact_lock${suffix}(${key})`);
  if (lockTimeout !== undefined) {
    const set = (value: string): string => `SET LOCAL lock_timeout = '${value}'`;
    return [set(String(wait)), ...locks, set(lockTimeout)].join('; ');
  }
  return [
    `SELECT set_config('holdfast.lock_timeout', current_setting('lock_timeout'), true),
            set_config('lock_timeout', '${wait}', true)`,
    ...locks,
    `SELECT set_config('lock_timeout', current_setting('holdfast.lock_timeout'), true) AS "lockTimeout"`,
  ].join('; ');
}

/** Takes locks until they are released or the session ends. A wait that fails may have taken some of them all the same. */
export function lockSession({ keys, isShared, wait }: AdvisoryLocks): string {
  const suffix = isShared ? '_shared' : '';
  if (wait === 'try') {
    return `SELECT ${all(keys.map((key) => `pg_try_advisory_lock${suffix}(${key})`))} AS acquired`;
  }
  // One message is one transaction of its own: an error puts the settings back as well.
  return [
    `SELECT set_config('holdfast.lock_timeout', current_setting('lock_timeout'), false),
            set_config('lock_timeout', '${wait}', false)`,
    ...keys.map((key) => `SELECT pg_advisory_lock${suffix}(${key})`),
    `SELECT set_config('lock_timeout', current_setting('holdfast.lock_timeout'), false)`,
  ].join('; ');
}

/** Says in `released` whether the session held all of them. */
export function unlockSession(keys: readonly bigint[], isShared: boolean): string {
  const suffix = isShared ? '_shared' : '';
  return `SELECT ${all(keys.map((key) => `pg_advisory_unlock${suffix}(${key})`))} AS released`;
}

/** AND is bound to no order, CASE is (PostgreSQL manual, 4.2.14): after the first that fails none is tried. */
function all(conditions: readonly string[]): string {
  return conditions.reduceRight(
    (rest, condition) => `CASE WHEN ${condition} THEN ${rest} ELSE false END`,
    'true',
  );
}
