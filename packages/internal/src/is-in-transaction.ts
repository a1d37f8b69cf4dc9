/** What is needed of a connection; a client of `pg` has this shape, and its `getTransactionStatus` is asked where there is one. */
interface TransactionClient {
  query(text: string): Promise<unknown>;
}

/** no_active_sql_transaction (PostgreSQL manual, appendix A). */
const NO_TRANSACTION = '25P01';

/**
 * Whether the client has a transaction open, be it a failed one. A driver that knows of one is not asked further; one that
 * knows of none may have its BEGIN still to send, so the server says. Rejects with the driver's error: of a failed
 * transaction of which the driver says nothing, too.
 */
export async function isInTransaction(client: TransactionClient): Promise<boolean> {
  const { getTransactionStatus: status } = client as { getTransactionStatus?: () => unknown };
  const known = typeof status === 'function' ? status.call(client) : undefined;
  // Open, or failed, as the next statement will tell (PostgreSQL manual, 55.7, ReadyForQuery).
  if (known === 'T' || known === 'E') return true;
  try {
    // Outside of a transaction the server refuses it, and nothing has happened.
    await client.query('SAVEPOINT holdfast_begun');
    await client.query('RELEASE SAVEPOINT holdfast_begun');
    return true;
  } catch (error) {
    const { code } = (error ?? {}) as { readonly code?: unknown };
    if (code === NO_TRANSACTION) return false;
    throw error;
  }
}
