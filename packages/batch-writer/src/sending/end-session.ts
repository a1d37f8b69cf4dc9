import { sqlstateOf } from '../classify.ts';
import type { BoundClient } from './bound-client.ts';

/** Asks the server to end a session that is left over. One that this role may not end is left to the server. */
export async function endSession(
  client: BoundClient,
  text: string,
  values?: unknown[],
): Promise<void> {
  try {
    await client.query(text, values);
  } catch (error) {
    if (sqlstateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';
