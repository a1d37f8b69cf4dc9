import { CONFORMANCE_ROWS, runRow } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { cockatielLibrary } from '../src/conformance/cockatiel.ts';
import { holdfast } from '../src/conformance/holdfast.ts';
import { opossumLibrary } from '../src/conformance/opossum.ts';
import { pRetryLibrary } from '../src/conformance/p-retry.ts';

describe('holdfast', () => {
  it.each(CONFORMANCE_ROWS.map((row) => [row.id, row.behaviour, row] as const))(
    '%s %s',
    async (id, _behaviour, row) => {
      expect(await runRow(row, holdfast)).toEqual({ id, verdict: 'passes', error: undefined });
    },
  );
});

/** The negative control: rows that libraries are known to fail do fail. */
describe.each([
  [
    cockatielLibrary,
    ['B04', 'B12', 'B14', 'B15', 'B19', 'B22', 'B37', 'R04', 'R05', 'T03', 'K03', 'K05'],
  ],
  [opossumLibrary, ['B04', 'B11', 'B12', 'B13', 'B15', 'B22']],
  [pRetryLibrary, ['R10']],
])('$name', (library, failing) => {
  it.each(failing)('fails %s', async (id) => {
    const row = CONFORMANCE_ROWS.find((one) => one.id === id)!;
    expect((await runRow(row, library)).verdict).toMatch(/fails|hangs/);
  });
});
