import { startPostgresServer } from '@holdfast/testkit';
import { runBundled } from '../run-bundled.ts';

type Run = (options: { readonly smoke: boolean }) => Promise<void>;

/** What a claim takes behind rows that cannot be vacuumed, for a long snapshot may see them. */
export const measurePinnedClaims: Run = ({ smoke }) =>
  run(new URL('pinned-claims-run.ts', import.meta.url), smoke);

/** Items done a second with many others blocked behind keys that are stuck, against none. */
export const measureBlockedKeys: Run = ({ smoke }) =>
  run(new URL('blocked-keys-run.ts', import.meta.url), smoke);

/** The queue on PostgreSQL beside pg-boss and graphile-worker. */
export const measurePostgresQueue: Run = ({ smoke }) =>
  run(new URL('postgres-run.ts', import.meta.url), smoke);

async function run(program: URL, smoke: boolean): Promise<void> {
  // As in operation: each commit is flushed to disk.
  await using server = await startPostgresServer({ fsync: true });
  await runBundled(program, [server.url, ...(smoke ? ['smoke'] : [])]);
}
