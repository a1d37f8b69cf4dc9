/** 0: no bound; what `lock_timeout` takes. */
export type WaitMs = number;

export interface AdvisoryLocks {
  /** In ascending order, so that no two callers wait for each other. */
  readonly keys: readonly bigint[];
  readonly isShared: boolean;
  readonly wait: 'try' | WaitMs;
}

/**
 * Opens a transaction and takes locks until its end if they are free and nobody waits for them; says in `acquired` whether
 * they were, and what was free is held all the same. A text of several statements, for one message of the simple protocol.
 * It takes no parameters, which is safe: the keys are numbers of ours. Most locks are free, and what a wait needs would take
 * the server longer than all the rest.
 */
export function beginWithLocks(begin: string, { keys, isShared }: AdvisoryLocks): string {
  return `${begin}; SELECT ${tryAll('_xact', keys, isShared)} AS acquired`;
}

/**
 * Waits for locks behind a `beginWithLocks` that did not get all, for `wait` each. `lock_timeout` is set back for the
 * function's own statements to `lockTimeout`, what the session is thought to have it set to; the first statement says in
 * `lock_timeout` what it is.
 */
export function waitForLocks(
  { keys, isShared }: AdvisoryLocks,
  wait: WaitMs,
  lockTimeout: string,
): string {
  return [
    ...['SHOW lock_timeout', setLockTimeout(`${wait}`)],
    ...takeEach('_xact', keys, isShared),
    setLockTimeout(lockTimeout),
  ].join('; ');
}

/** `value`: milliseconds, or as the server writes it. */
export function setLockTimeout(value: string): string {
  return `SET LOCAL lock_timeout = '${value}'`;
}

/**
 * Takes locks until the end of the open transaction, or fails with 55P03, inside a savepoint of its own: all in one
 * message, for what the function sends at the same time must not be undone with it. What the transaction itself has set
 * `lock_timeout` to is not known.
 */
export function lockInSavepoint({ keys, isShared, wait }: AdvisoryLocks): string {
  const take =
    wait === 'try'
      ? [
          `DO 'BEGIN IF NOT (${tryAll('_xact', keys, isShared)}) THEN RAISE lock_not_available; END IF; END'`,
        ]
      : [
          `SELECT set_config('holdfast.lock_timeout', current_setting('lock_timeout'), true),
                  set_config('lock_timeout', '${wait}', true)`,
          ...takeEach('_xact', keys, isShared),
          `SELECT set_config('lock_timeout', current_setting('holdfast.lock_timeout'), true)`,
        ];
  // Released, not rolled back to: that would give the locks back.
  return ['SAVEPOINT holdfast_lock', ...take, 'RELEASE SAVEPOINT holdfast_lock'].join('; ');
}

/** Behind a `lockInSavepoint` that failed. */
export const UNDO_LOCK = 'ROLLBACK TO SAVEPOINT holdfast_lock; RELEASE SAVEPOINT holdfast_lock';

/** Takes locks until they are released or the session ends. A wait that fails may have taken some of them all the same. */
export function lockSession({ keys, isShared, wait }: AdvisoryLocks): string {
  if (wait === 'try') return `SELECT ${tryAll('', keys, isShared)} AS acquired`;
  // One message is one transaction of its own, and the setting ends with it.
  return [setLockTimeout(`${wait}`), ...takeEach('', keys, isShared)].join('; ');
}

/** Says in `released` whether the session held all of them, and does so no more: a lock may have been taken twice. */
export function unlockSession(keys: readonly bigint[], isShared: boolean): string {
  const unlocks = keys.map((key) => `pg_advisory_unlock${suffixOf(isShared)}(${key})`);
  return `SELECT ${all([...unlocks, `NOT EXISTS (${heldAmong(`ARRAY[${keys.join()}]::int8[]`)})`])} AS released`;
}

/** Whether this session holds all of the keys `$1`. */
export const SELECT_HELD = `
  SELECT count(DISTINCT key) = cardinality($1::int8[]) AS held FROM (${heldAmong('$1::int8[]')}) locks`;

/** The locks of this session whose keys are in an array (PostgreSQL manual, 53.12 pg_locks). */
function heldAmong(keys: string): string {
  return `SELECT l.classid::int8 << 32 | l.objid::int8 AS key FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid = pg_backend_pid()
    AND (l.classid::int8 << 32 | l.objid::int8) = ANY (${keys})`;
}

/** One statement each: in one, the order of evaluation would be the planner's. */
function takeEach(level: '' | '_xact', keys: readonly bigint[], isShared: boolean): string[] {
  return keys.map((key) => `SELECT pg_advisory${level}_lock${suffixOf(isShared)}(${key})`);
}

function tryAll(level: '' | '_xact', keys: readonly bigint[], isShared: boolean): string {
  return all(keys.map((key) => `pg_try_advisory${level}_lock${suffixOf(isShared)}(${key})`));
}

function suffixOf(isShared: boolean): string {
  return isShared ? '_shared' : '';
}

/** AND is bound to no order, CASE is (PostgreSQL manual, 4.2.14): after the first that fails none is tried. */
function all(conditions: readonly string[]): string {
  const [only] = conditions;
  if (conditions.length === 1 && only !== undefined) return only;
  return conditions.reduceRight(
    (rest, condition) => `CASE WHEN ${condition} THEN ${rest} ELSE false END`,
    'true',
  );
}
