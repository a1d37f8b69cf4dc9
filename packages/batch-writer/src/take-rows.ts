import { nextTurn, raceAbort, throwIfAborted } from '@holdfast/internal';

/**
 * Pulls rows one by one and hands each to `take`, waiting whenever it asks to. Resolves with their number. The source
 * is told to end when a row is not taken or `signal` aborts.
 */
export async function takeRows<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  take: (row: Row) => true | Promise<void>,
  signal: AbortSignal | undefined,
): Promise<number> {
  let taken = 0;
  const takeOne = async (row: Row): Promise<void> => {
    await take(row);
    taken += 1;
  };
  if (Symbol.asyncIterator in rows) {
    await pullAll(rows[Symbol.asyncIterator](), takeOne, signal);
    return taken;
  }
  for (const row of rows) {
    throwIfAborted(signal);
    // Not awaited when there is room: a promise for each row would cost more than the row.
    const room = take(row);
    if (room !== true) await room;
    taken += 1;
    // What has been made ready meanwhile must be sent, and others want their turn, too.
    if (taken % ROWS_A_TURN === 0) await nextTurn();
  }
  return taken;
}

/** About a millisecond. */
const ROWS_A_TURN = 2_000;

/** Written by hand because `for await` cannot be left while the source hangs. */
async function pullAll<Row>(
  iterator: AsyncIterator<Row>,
  take: (row: Row) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let isOver = false;
  try {
    for (;;) {
      throwIfAborted(signal);
      const result = await raceAbort(iterator.next(), signal);
      if (result.done === true) {
        isOver = true;
        return;
      }
      await take(result.value);
    }
  } finally {
    if (!isOver) void endSource(iterator);
  }
}

async function endSource(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The caller already has the first error.
  }
}
