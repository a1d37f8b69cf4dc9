import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@holdfast/sync-queue';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { onTestFinished, test } from 'vitest';
import { ROOMY, stepOverStoppedKeys } from './stopped-keys.ts';

test('a claim in memory steps over so many items of stopped keys', async () => {
  const store = memoryStore();
  await store.open();

  await stepOverStoppedKeys(store.queue('q', ROOMY), 1000);
  await store.close();
});

test('a claim on a file steps over so many items of stopped keys', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = sqliteStore({ path: join(folder, 'q.db') });
  await store.open();

  await stepOverStoppedKeys(store.queue('q', ROOMY), 100);
  await store.close();
});
