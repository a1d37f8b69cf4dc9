import { spawnNode } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import type { HeldRows } from './fixtures/held-rows.ts';

async function measure(what: 'queued' | 'outage'): Promise<HeldRows> {
  const file = new URL('./fixtures/held-rows.ts', import.meta.url);
  await using program = await spawnNode<HeldRows>(file, [what], { nodeArgs: ['--expose-gc'] });
  const held = await program.next();
  process.stdout.write(`batch-writer-memory: ${what}: ${JSON.stringify(held)}\n`);
  return held;
}

test('a queued row costs at most 1.2 times its encoded size', async () => {
  const { rows, encodedBytes, heldBytes } = await measure('queued');

  expect(rows).toBe(300_000);
  expect(heldBytes / encodedBytes).toBeLessThanOrEqual(1.2);
});

test('an outage that fills the buffer costs at most the buffer and 32 MB', async () => {
  const { encodedBytes, rssGrowthBytes } = await measure('outage');

  expect(encodedBytes).toBeGreaterThan(63 * 1024 ** 2);
  expect(rssGrowthBytes).toBeLessThanOrEqual(64 * 1024 ** 2 + 32e6);
});
