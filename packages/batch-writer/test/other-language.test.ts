import { expect, test } from 'vitest';
import { createFakePool, pgError } from './fake-pool.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test.each([
  ['COPY', 'auto'],
  ['INSERT', 'unnest'],
] as const)(
  'a server that speaks another language: its refusal is understood, by %s',
  async (_name, path) => {
    const pool = createFakePool(({ ids }) => {
      if (!ids.includes('7')) return ids.length;
      throw pgError('23514', 'neue Zeile verletzt Check-Constraint', { severity: 'FEHLER' });
    });
    const rejected: unknown[] = [];
    const { writer } = setUp(pool, {
      path,
      onRejected: (rows) => void rejected.push(...rows.map(({ row }) => row.id)),
    });
    for (let id = 0; id < 20; id++) writeNow(writer, reading(id));
    const report = await writer.close();

    expect(report).toMatchObject({ accepted: 20, stored: 19, rejected: 1 });
    expectAccounted(report);
    expect(rejected).toEqual([7]);
    expect(writer.snapshot()).toMatchObject({ doubts: 0, retries: 0 });
    expect(pool.releases).not.toContain(true);
  },
);
