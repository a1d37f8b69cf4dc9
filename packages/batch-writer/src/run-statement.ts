import { checkOut, createDeferred, onAbort, type Clock } from '@holdfast/internal';
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
  const onError = (error: Error): void => cut.reject(error);
  const opening = checkOut(context.pool, (client: PgClientLike) => {
    client.on('error', onError);
    return client;
  });
  const giveBack = (client: PgClientLike): void => {
    client.release();
    // Only now, when the pool listens again; and a destroyed one, which keeps its listener, may still have something to say.
    client.removeListener('error', onError);
  };
  try {
    const client = await connect(opening, cut.promise, giveBack);
    return await query(client, { text, values }, { cut: cut.promise, giveBack });
  } finally {
    off();
    timer.cancel();
  }
}

async function connect(
  opening: Promise<PgClientLike>,
  cut: Promise<never>,
  giveBack: (client: PgClientLike) => void,
): Promise<PgClientLike> {
  try {
    return await Promise.race([opening, cut]);
  } catch (error) {
    // A connection that comes too late goes straight back.
    opening.then(giveBack, () => undefined);
    throw error;
  }
}

async function query(
  client: PgClientLike,
  { text, values }: { readonly text: string; readonly values: unknown[] },
  use: { readonly cut: Promise<never>; readonly giveBack: (client: PgClientLike) => void },
): Promise<number> {
  try {
    const { rowCount } = await Promise.race([client.query(text, values), use.cut]);
    use.giveBack(client);
    return rowCount ?? 0;
  } catch (error) {
    const failure = classifyPgError(error);
    const isUsable = failure.sqlstate !== undefined && failure.class !== 'retry';
    if (isUsable) use.giveBack(client);
    else client.release(true);
    throw error;
  }
}
