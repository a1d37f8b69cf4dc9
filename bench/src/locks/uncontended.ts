import { startPostgresServer, startRedisServer } from '@holdfast/testkit';
import { runBundled } from '../run-bundled.ts';

/** One caller takes and gives back a lock that nobody else wants, ours and each peer's in turn. */
export async function measureUncontended({ smoke }: { readonly smoke: boolean }): Promise<void> {
  await using postgres = await startPostgresServer();
  await using redis = await startRedisServer();
  const args = [postgres.url, redis.url, ...(smoke ? ['smoke'] : [])];
  await runBundled(new URL('uncontended-run.ts', import.meta.url), args);
}
