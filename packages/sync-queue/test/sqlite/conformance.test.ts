import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { createFakeClock } from '@holdfast/testkit';
import { afterAll } from 'vitest';
import { describeStore } from '../conformance/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true }));

const KEYS = [
  ['sqlite', undefined],
  ['encrypted sqlite', 'correct horse battery staple'],
] as const;

for (const [name, encryptionKey] of KEYS) {
  describeStore(name, async () => {
    const clock = createFakeClock();
    const path = join(folder, `${(files += 1)}.db`);
    return Promise.resolve({
      store: sqliteStore({ path, encryptionKey, clock, synchronous: 'NORMAL' }),
      elapse: (ms) => clock.advance(ms),
      close: () => Promise.resolve(),
    });
  });
}
