import { expect, test } from 'vitest';
import { overflowText, shownSettings } from '../../src/cli/shown-settings.ts';
import type { StoreOverflow } from '../../src/store.ts';
import { SETTINGS } from '../conformance/settings.ts';

const sample = { above: 0.8, minPriority: 4, floor: 0.01 } as const;

test.each<[StoreOverflow, unknown, string]>([
  [{ kind: 'refuse' }, 'reject', 'reject'],
  [
    { kind: 'evict', victims: 'oldest', to: 'dead' },
    { evict: 'oldest', to: 'dead' },
    'evict oldest',
  ],
  [{ kind: 'sample', ...sample }, { sample }, 'sample'],
])('%j is shown by the names of the options', (overflow, shown, text) => {
  const settings = shownSettings({ ...SETTINGS, overflow });

  expect(settings).toMatchObject({
    limits: SETTINGS.limits,
    retry: { maxAttempts: SETTINGS.maxTries },
    order: { agingMs: SETTINGS.agingMs, keyConcurrency: 1, onPoison: 'advance' },
    overflow: shown,
  });
  expect(Object.keys(settings)).not.toContain('maxTries');
  expect(overflowText(settings.overflow)).toBe(text);
});
