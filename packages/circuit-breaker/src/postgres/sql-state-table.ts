import type { Judgement } from '../judgement.ts';

/** What a kind of failure means. `once`: only the first attempt is followed by another one. */
export interface Meaning {
  readonly verdict: 'failure' | 'ignore';
  readonly retry: boolean | 'once';
  readonly applied: Judgement['applied'];
}

/** The server, or the way to it, refused: nothing was done. */
export const NOT_REACHED: Meaning = { verdict: 'failure', retry: true, applied: 'no' };
/** The connection broke, and with it the answer. */
export const BROKEN: Meaning = { verdict: 'failure', retry: true, applied: 'maybe' };
/** The server works; this call and another one were in each other's way. */
const CONTENTION: Meaning = { verdict: 'ignore', retry: true, applied: 'no' };
const UNRESOLVED: Meaning = { verdict: 'failure', retry: false, applied: 'maybe' };
const SHORT_OF_RESOURCES: Meaning = { verdict: 'failure', retry: 'once', applied: 'no' };
const OUT_OF_SERVICE: Meaning = { verdict: 'failure', retry: false, applied: 'no' };
/** It fails the same way whenever it is tried. */
export const CALLERS_FAULT: Meaning = { verdict: 'ignore', retry: false, applied: 'no' };

/**
 * What a SQLSTATE means; `undefined` when it says nothing about the health of the server. 57014 depends on who
 * cancelled and is not here. Source of the names: PostgreSQL manual, Appendix A, "PostgreSQL Error Codes".
 */
export function meaningOf(sqlState: string): Meaning | undefined {
  return BY_STATE.get(sqlState) ?? BY_CLASS.get(sqlState.slice(0, 2));
}

const BY_STATE: ReadonlyMap<string, Meaning> = new Map([
  ['08000', BROKEN], // connection_exception
  ['08001', NOT_REACHED], // sqlclient_unable_to_establish_sqlconnection
  ['08003', BROKEN], // connection_does_not_exist
  ['08004', NOT_REACHED], // sqlserver_rejected_establishment_of_sqlconnection
  ['08006', BROKEN], // connection_failure
  ['08007', UNRESOLVED], // transaction_resolution_unknown
  ['08P01', BROKEN], // protocol_violation; also what PgBouncer says when its server connection crashed
  ['25006', NOT_REACHED], // read_only_sql_transaction: failed over, and this connection leads to a replica
  ['25P02', CALLERS_FAULT], // in_failed_sql_transaction: an earlier statement's error is the one to look at
  ['25P03', CONTENTION], // idle_in_transaction_session_timeout
  ['40001', CONTENTION], // serialization_failure
  ['40003', UNRESOLVED], // statement_completion_unknown
  ['40P01', CONTENTION], // deadlock_detected
  ['53000', SHORT_OF_RESOURCES], // insufficient_resources
  ['53100', OUT_OF_SERVICE], // disk_full
  ['53200', SHORT_OF_RESOURCES], // out_of_memory
  ['53300', NOT_REACHED], // too_many_connections
  ['53400', SHORT_OF_RESOURCES], // configuration_limit_exceeded
  ['55P03', CONTENTION], // lock_not_available: lock_timeout, NOWAIT
  ['57P01', BROKEN], // admin_shutdown
  ['57P02', BROKEN], // crash_shutdown
  ['57P03', NOT_REACHED], // cannot_connect_now: starting up, or shutting down
  ['57P04', OUT_OF_SERVICE], // database_dropped
  ['57P05', CONTENTION], // idle_session_timeout
]);

const BY_CLASS: ReadonlyMap<string, Meaning> = new Map([
  ['08', BROKEN], // connection exception
  ['22', CALLERS_FAULT], // data exception
  ['23', CALLERS_FAULT], // integrity constraint violation
  ['28', OUT_OF_SERVICE], // invalid authorization specification
  ['42', CALLERS_FAULT], // syntax error or access rule violation
  ['53', SHORT_OF_RESOURCES], // insufficient resources
  ['57', BROKEN], // operator intervention
  ['P0', CALLERS_FAULT], // PL/pgSQL error: RAISE
]);
