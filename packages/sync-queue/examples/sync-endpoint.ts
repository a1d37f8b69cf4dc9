import { createReceiver, isHoldfastError, type Receiver } from '@holdfast/sync-queue';
import { postgresReceiptStore, type ReceiptPoolLike } from '@holdfast/sync-queue/postgres';

/** Work logs that clients write: an edit of another version than the present one is a conflict. */
export async function workLogs(pool: ReceiptPoolLike): Promise<Receiver> {
  const store = postgresReceiptStore({ pool });
  await store.createSchema();
  return createReceiver({
    store,
    async apply(op, { tx }) {
      if (op.kind !== 'insert' && op.kind !== 'patch')
        return { status: 'rejected', reason: op.kind };
      const { rows } = await tx.query<{ version: number; doc: Record<string, unknown> }>(
        'SELECT version, doc FROM work_log WHERE id = $1 FOR UPDATE',
        [op.id],
      );
      const [row] = rows;
      if (row !== undefined && op.base?.version !== String(row.version)) {
        return { status: 'conflict', theirs: row.doc, version: String(row.version) };
      }
      const doc = op.kind === 'insert' ? op.doc : { ...row?.doc, ...op.set };
      const version = (row?.version ?? 0) + 1;
      await tx.query(
        `INSERT INTO work_log (id, version, doc) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, doc = excluded.doc`,
        [op.id, version, JSON.stringify(doc)],
      );
      return { status: 'applied', version: String(version) };
    },
  });
}

/** The status of the answer to a request that was refused. */
export function statusOf(error: unknown): 400 | 503 {
  return isHoldfastError(error, 'PUSH_REQUEST_INVALID') ? 400 : 503;
}
