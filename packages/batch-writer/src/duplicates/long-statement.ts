import { sleep } from '@holdfast/internal';
import { isVerdict } from '../classify.ts';
import type { BoundClient } from '../sending/bound-client.ts';
import { useClient, type ClientUse } from '../sending/client-use.ts';

interface Backend {
  readonly pid: number;
  readonly since: string;
}

/** A pid is used again: the beginning of the session belongs to it. As text, so that no microsecond is lost. */
const SELECT_BACKEND = `
  SELECT pid, backend_start::text AS since FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
const END_BACKEND = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::timestamptz`;

const ENDING_MS = 5_000;

/**
 * As `useClient`, for statements that take long: one that is cut short is ended on the server, too, which would otherwise go on
 * until it wants to answer, and then still keep what it has made.
 */
export async function runLongStatement<T>(
  use: ClientUse,
  work: (client: BoundClient) => Promise<T>,
): Promise<T> {
  let backend: Backend | undefined;
  try {
    return await useClient(use, async (client) => {
      backend = (await client.query<Backend>(SELECT_BACKEND)).rows[0];
      return work(client);
    });
  } catch (error) {
    if (backend !== undefined && isVerdict(error) === false) await endBackend(use, backend);
    throw error;
  }
}

/** Resolves when the session is gone, or cannot be ended: the first error matters more. */
async function endBackend(use: ClientUse, { pid, since }: Backend): Promise<void> {
  const { signal } = new AbortController();
  const { clock } = use;
  const endMs = clock.now() + ENDING_MS;
  try {
    await useClient({ ...use, signal, timeoutMs: ENDING_MS }, async (client) => {
      while ((await client.query(END_BACKEND, [pid, since])).rows.length > 0) {
        if (clock.now() > endMs) return;
        await sleep(20, { clock });
      }
    });
  } catch {
    // The server is away; so is what ran on it, or it ends when it wants to answer.
  }
}
