import type { Isolation } from './transaction.ts';

export interface BeginOptions {
  readonly isolation: Isolation;
  readonly isReadOnly: boolean;
  readonly isDeferrable: boolean;
  readonly lockMs: number | undefined;
  readonly statementMs: number | undefined;
  readonly idleMs: number | undefined;
}

/**
 * Opens a transaction and bounds it, in one message of the simple protocol, so in one round trip. It takes no
 * parameters, which is safe: all of it are words and checked numbers of ours.
 *
 * The level by name, whatever the session's default is; a session that may only read stays so.
 */
export function beginStatement(options: BeginOptions): string {
  const { isolation, isReadOnly, isDeferrable, lockMs, statementMs, idleMs } = options;
  const mode = [
    `BEGIN ISOLATION LEVEL ${isolation.toUpperCase()}`,
    ...(isReadOnly ? ['READ ONLY'] : []),
    ...(isDeferrable ? ['DEFERRABLE'] : []),
  ].join(' ');
  const bounds = [
    ['lock_timeout', lockMs],
    ['statement_timeout', statementMs],
    ['idle_in_transaction_session_timeout', idleMs],
  ] as const;
  const settings = bounds
    .filter(([, ms]) => ms !== undefined)
    .map(([name, ms]) => `SET LOCAL ${name} = ${ms}`);
  return [mode, ...settings].join('; ');
}
