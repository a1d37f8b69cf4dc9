import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { runLongStatement } from '../../src/duplicates/long-statement.ts';
import type { PgPoolLike } from '../../src/ports.ts';
import { connectionLost, pgError } from '../fake-pool.ts';

/** A pool whose server knows its session, and does with a long statement what `answer` says. */
function poolOf(answer: () => never): { readonly pool: PgPoolLike; readonly asked: string[] } {
  const asked: string[] = [];
  const query = async (text: string): Promise<object> => {
    asked.push(text);
    await Promise.resolve();
    if (text === 'LONG') answer();
    const rows = text.includes('pg_backend_pid') ? [{ pid: 7, since: '2026-01-01' }] : [];
    return { rows, rowCount: rows.length };
  };
  const client = { query, release: () => 0, on: () => 0, removeListener: () => 0 };
  return { pool: { connect: () => Promise.resolve(client) } as never, asked };
}

it.each<[what: string, error: Error, isEnded: boolean]>([
  ['refused', pgError('57014'), false],
  ['refused in another language', pgError('57014', 'Abbruch', { severity: 'FEHLER' }), false],
  ['left without an answer', connectionLost(), true],
])(
  'ends the session of a statement only when it has no answer: %s',
  async (_what, error, isEnded) => {
    const { pool, asked } = poolOf(() => {
      throw error;
    });
    const use = { pool, clock: createFakeClock(), timeoutMs: 1_000, label: '"t"' };

    const running = runLongStatement({ ...use, signal: new AbortController().signal }, (client) =>
      client.query('LONG'),
    );

    await expect(running).rejects.toBe(error);
    expect(asked.some((text) => text.includes('pg_terminate_backend'))).toBe(isEnded);
  },
);
