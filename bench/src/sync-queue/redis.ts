import { startRedisServer } from '@holdfast/testkit';
import { runBundled } from '../run-bundled.ts';

/** The queue on Redis beside BullMQ, on one private server with an append-only file. */
export async function measureRedisQueue({ smoke }: { readonly smoke: boolean }): Promise<void> {
  await using server = await startRedisServer({
    settings: { appendonly: 'yes', appendfsync: 'everysec' },
  });
  const program = new URL('redis-run.ts', import.meta.url);
  await runBundled(program, [server.url, ...(smoke ? ['smoke'] : [])]);
}
