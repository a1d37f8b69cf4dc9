import { createDeferred, onAbort, type Clock } from '@holdfast/internal';
import type { PgClientLike, PgPoolLike } from './batch-writer.ts';
import { classifyPgError } from './classify.ts';
import { FlushTimeoutError } from './errors.ts';

export interface StatementContext {
  readonly pool: PgPoolLike;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** For messages. */
  readonly label: string;
}

/**
 * Runs one statement on a connection of its own and resolves with the number of rows that it changed. At the timeout,
 * an abort or a connection error it rejects at once and destroys the connection: nothing else may use a connection
 * whose state is unknown.
 */
export async function runStatement(
  text: string,
  values: unknown[],
  context: StatementContext,
): Promise<number> {
  const cut = createDeferred<never>();
  cut.promise.catch(() => undefined);
  const timer = context.clock.setTimer(
    () => cut.reject(new FlushTimeoutError(context.label, context.timeoutMs)),
    context.timeoutMs,
  );
  const off = onAbort(context.signal, (reason) => cut.reject(reason));
  try {
    const client = await connect(context.pool, cut.promise);
    return await query(client, { text, values }, cut);
  } finally {
    off();
    timer.cancel();
  }
}

async function connect(pool: PgPoolLike, cut: Promise<never>): Promise<PgClientLike> {
  const connecting = pool.connect();
  try {
    return await Promise.race([connecting, cut]);
  } catch (error) {
    // A connection that comes too late goes straight back.
    connecting.then(
      (client) => client.release(),
      () => undefined,
    );
    throw error;
  }
}

async function query(
  client: PgClientLike,
  { text, values }: { readonly text: string; readonly values: unknown[] },
  cut: { readonly promise: Promise<never>; reject(reason: unknown): void },
): Promise<number> {
  const onError = (error: Error): void => cut.reject(error);
  client.on('error', onError);
  try {
    const { rowCount } = await Promise.race([client.query(text, values), cut.promise]);
    client.release();
    return rowCount ?? 0;
  } catch (error) {
    const failure = classifyPgError(error);
    const isUsable = failure.sqlstate !== undefined && failure.class !== 'retry';
    if (isUsable) client.release();
    else client.release(true);
    throw error;
  } finally {
    // Only now: the pool puts its own listener on when it takes the client back, so one is always there.
    client.removeListener('error', onError);
  }
}
