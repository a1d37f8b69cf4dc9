import type { Queue, QueueStore } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import type { Pool } from 'pg';

interface Order {
  readonly id: string;
  readonly total: number;
}

/** Many machines, in the database that you have: no further server. */
export function databaseStore(pool: Pool): QueueStore {
  return postgresStore({ pool, schema: 'shop_queues' });
}

/** The order and the job that ships it are there together, or neither is. */
export async function placeOrder(pool: Pool, jobs: Queue<Order>, order: Order): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (id, total) VALUES ($1, $2)', [order.id, order.total]);
    // Last, because producers of one queue take turns until their transactions end.
    await jobs.add(order, { transaction: client, idempotencyKey: order.id });
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
