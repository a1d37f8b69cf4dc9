import { startPostgresServer } from '@holdfast/testkit';
import { runBundled } from '../run-bundled.ts';

/** Rows a second into a table with a primary key of three columns, ours and each peer in turn into its own. */
export async function measureInserts({ smoke }: { readonly smoke: boolean }): Promise<void> {
  // As in operation: each commit is flushed to disk.
  await using server = await startPostgresServer({ fsync: true });
  const args = [server.url, ...(smoke ? ['smoke'] : [])];
  await runBundled(new URL('inserts-run.ts', import.meta.url), args);
}
