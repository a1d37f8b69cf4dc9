import { onAbort, throwIfAborted, type Clock } from '@holdfast/internal';
import { commit } from './commit.ts';
import { Connection } from '../connection.ts';
import { Frame, type FrameContext } from './frame.ts';
import type { Holdings } from './holdings.ts';
import type { PgPoolLike } from '../ports.ts';
import type { Verdict } from './resolve-commit.ts';
import { TransactionTimeoutError } from './transaction-errors.ts';
import type { Isolation } from './transaction.ts';

/** One kind of transaction: how it begins, how it ends, what is told. */
export interface Plan {
  /** In messages: `the transaction`, `lock app/zone/7`. */
  readonly label: string;
  readonly isolation: Isolation;
  readonly isReadOnly: boolean;
  readonly ambiguous: 'resolve' | 'throw';
  readonly totalMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Keys that the transaction holds while its function runs. */
  readonly keys: readonly bigint[];
  readonly lostError: (cause: Error) => Error;
  /** Opens the transaction. */
  readonly open: (connection: Connection) => Promise<unknown>;
  /** Gives back what the session holds beyond the transaction, if anything; false: it must be destroyed. */
  readonly release: ((connection: Connection) => Promise<boolean>) | undefined;
  /** The function has begun, or everything is over again; `lost` when the connection died meanwhile. */
  readonly onOpen: () => void;
  readonly onOver: (lost: Error | undefined) => void;
}

export interface RunDeps {
  readonly pool: PgPoolLike;
  readonly clock: Clock;
  readonly holdings: Holdings<Frame>;
  /** Resolves with what makes `tx.kysely()`. */
  readonly loadKysely: (() => Promise<FrameContext['kysely']>) | undefined;
  readonly lock: FrameContext['lock'];
  readonly tell: {
    readonly committed: () => void;
    readonly rolledBack: () => void;
    readonly rollbackFailed: (label: string, error: unknown) => void;
    readonly ambiguous: (label: string, xid: string | undefined, verdict: Verdict) => void;
    readonly hookFailed: (label: string, error: unknown) => void;
  };
}

/** So long an answer to ROLLBACK may take. Without it the connection is destroyed, which is a rollback as well. */
const ROLLBACK_MS = 5_000;

/** One try of an outermost transaction. */
export async function runOnce<T>(
  fn: (tx: Frame) => Promise<T>,
  plan: Plan,
  attempt: number,
  deps: RunDeps,
): Promise<T> {
  throwIfAborted(plan.signal);
  // Only what there is to wait for is waited for: each promise costs as much as the rest of a step.
  const kysely = deps.loadKysely === undefined ? undefined : await deps.loadKysely();
  const connection = await Connection.open(deps.pool, plan);
  const { label, isolation, isReadOnly } = plan;
  const frame = new Frame({
    connection,
    label,
    attempt,
    isolation,
    isReadOnly,
    kysely,
    keys: new Set(plan.keys),
    lock: deps.lock,
    holdings: deps.holdings,
    onHookFailed: (error) => deps.tell.hookFailed(label, error),
  });
  const timer = watchTime(connection, plan, deps.clock);
  const end = { isUnknown: false, isOpen: false };
  try {
    const value = await runInside(fn, frame, plan, { deps, end });
    deps.tell.committed();
    if (plan.release === undefined) connection.end('reusable');
    else await bounded(connection, deps.clock, () => giveBack(connection, plan.release));
    if (frame.hasCommitHooks) await frame.runAfterCommit();
    else frame.dropHooks();
    return value;
  } catch (error) {
    if (end.isUnknown) {
      connection.end('destroy');
      frame.dropHooks();
      throw error;
    }
    await rollBack(connection, plan, deps);
    deps.tell.rolledBack();
    await frame.runAfterRollback();
    // What the function made of the loss does not matter: the server has rolled back.
    throw connection.lost ?? error;
  } finally {
    timer?.cancel();
    if (end.isOpen) plan.onOver(connection.lost);
  }
}

async function runInside<T>(
  fn: (tx: Frame) => Promise<T>,
  frame: Frame,
  plan: Plan,
  { deps, end }: { readonly deps: RunDeps; readonly end: { isUnknown: boolean; isOpen: boolean } },
): Promise<T> {
  const { connection, keys } = frame.context;
  if (plan.signal === undefined) await plan.open(connection);
  else await openUnlessAborted(connection, plan.open, plan.signal);
  end.isOpen = true;
  plan.onOpen();
  try {
    const value = await deps.holdings.within({ frame, keys }, () => fn(frame));
    if (frame.isBusy) await frame.settled();
    throwIfAborted(plan.signal);
    await commit(connection, {
      label: plan.label,
      ambiguous: plan.ambiguous,
      lostError: plan.lostError,
      pool: deps.pool,
      clock: deps.clock,
      isReadOnly: plan.isReadOnly,
      signal: plan.signal,
      onAmbiguous({ xid, verdict }) {
        end.isUnknown = verdict === 'unknown';
        deps.tell.ambiguous(plan.label, xid, verdict);
      },
    });
    return value;
  } finally {
    // Savepoints that nobody waited for may still be at it when the function has failed.
    if (frame.isBusy) await frame.settled();
  }
}

async function openUnlessAborted(
  connection: Connection,
  begin: Plan['open'],
  signal: AbortSignal,
): Promise<void> {
  // The server has no way to leave a queue but a cancel, which may come when a lock has been granted: so the connection
  // is destroyed, which is a rollback in either case.
  const off = onAbort(signal, () => connection.end('destroy'));
  try {
    await begin(connection);
    throwIfAborted(signal);
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    off();
  }
}

/** Ends the transaction after a failure; the failure stays what it is, whatever happens here. */
async function rollBack(
  connection: Connection,
  plan: Plan,
  { tell, clock }: RunDeps,
): Promise<void> {
  connection.seal();
  if (connection.lost !== undefined || connection.mayBeBlocked) connection.end('destroy');
  if (connection.hasEnded) return;
  try {
    await bounded(connection, clock, async () => {
      await connection.control('ROLLBACK');
      await giveBack(connection, plan.release);
    });
  } catch (error) {
    connection.end('destroy');
    tell.rollbackFailed(plan.label, error);
  }
}

async function giveBack(connection: Connection, release: Plan['release']): Promise<void> {
  if (connection.hasEnded) return;
  const isClean = release === undefined || (await release(connection).catch(() => false));
  connection.end(isClean ? 'reusable' : 'destroy');
}

async function bounded(
  connection: Connection,
  clock: Clock,
  work: () => Promise<void>,
): Promise<void> {
  const timer = clock.setTimer(() => connection.end('destroy'), ROLLBACK_MS);
  try {
    await work();
  } finally {
    timer.cancel();
  }
}

function watchTime(connection: Connection, { label, totalMs }: Plan, clock: Clock) {
  if (totalMs === undefined) return undefined;
  const giveUp = (): void => connection.abandon(new TransactionTimeoutError(label, totalMs));
  return clock.setTimer(giveUp, totalMs);
}
