import { startPostgresServer } from '@holdfast/testkit';
import { runBundled } from '../run-bundled.ts';

type Run = (options: { readonly smoke: boolean }) => Promise<void>;

/** What a claim takes behind rows that cannot be vacuumed, for a long snapshot may see them. */
export const measurePinnedClaims: Run = ({ smoke }) => run('pinned-claims-run.ts', smoke);

/** Items done a second with many others blocked behind keys that are stuck, against none. */
export const measureBlockedKeys: Run = ({ smoke }) => run('blocked-keys-run.ts', smoke);

async function run(file: string, smoke: boolean): Promise<void> {
  // As in operation: each commit is flushed to disk.
  await using server = await startPostgresServer({ fsync: true });
  await runBundled(new URL(file, import.meta.url), [server.url, ...(smoke ? ['smoke'] : [])]);
}
