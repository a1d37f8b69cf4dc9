import { linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isSameFile } from '../../src/sqlite/is-same-file.ts';

test('one file may have two names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [file, other, linked, absent] = ['a', 'b', 'c', 'd'].map((name) => join(folder, name));
  writeFileSync(file!, '');
  writeFileSync(other!, '');
  linkSync(file!, linked!);

  expect(isSameFile(file!, file!)).toBe(true);
  expect(isSameFile(file!, linked!)).toBe(true);
  expect(isSameFile(file!, other!)).toBe(false);
  expect(isSameFile(file!, absent!)).toBe(false);
});
