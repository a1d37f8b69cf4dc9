import type { Queryable } from '../ports.ts';

/** Ages are told by the server's clock: this machine's may be another. */
export async function serverNow(db: Queryable): Promise<Date> {
  const { rows } = await db.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const [row] = rows;
  if (row === undefined) throw new Error('SELECT gave no row');
  return row.now;
}
