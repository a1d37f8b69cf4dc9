import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { sealedCodec, versionedCodec } from '@holdfast/sync-queue';

interface Mail {
  readonly to: readonly string[];
}

const keys = { '2025': randomBytes(32), '2026': randomBytes(32) };

// As an older program has written it.
const before = sealedCodec(versionedCodec<{ to: string }>({ version: 1 }), {
  keys,
  current: '2025',
});
const held = Buffer.from(before.encode({ to: 'ada@example.org' }));

const codec = sealedCodec(
  versionedCodec<Mail>({
    version: 2,
    migrations: { 1: (old) => ({ to: [(old as { to: string }).to] }) },
  }),
  { keys, current: '2026' },
);
assert.deepEqual(codec.decode(held), { to: ['ada@example.org'] });
