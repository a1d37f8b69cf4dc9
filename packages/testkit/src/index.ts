export { bundleOnce } from './bundle-once.ts';
export { bundleProgram } from './bundle-program.ts';
export { buildProgram, type BuiltProgram } from './build-program.ts';
export type { Pool, PoolClient, PoolConfig } from 'pg';
export { createFakeClock, type FakeClock, type FakeClockOptions } from './fake-clock.ts';
export {
  startFaultProxy,
  type Direction,
  type Fault,
  type FaultProxy,
  type FaultTarget,
  type ProxyCounters,
  type SetFault,
} from './fault-proxy.ts';
export { createGate, type Gate } from './gate.ts';
export { findProgram } from './programs.ts';
export type { CutRule } from './cut-rule.ts';
export type { ExitStatus } from './guarded-process.ts';
export { watchLeaks, type LeakWatch, type WatchLeaksOptions } from './leaks.ts';
export { startMosquittoServer, type MosquittoServerOptions } from './mosquitto-server.ts';
export { startPgbouncerServer, type PgbouncerServerOptions } from './pgbouncer-server.ts';
export { startPostgresServer, type PostgresServerOptions } from './postgres-server.ts';
export { startRedisServer, type RedisServerOptions } from './redis-server.ts';
export {
  hasPseudoTerminal,
  parsedOutput,
  programRunner,
  type FinishedProgram,
  type RunProgram,
  type RunProgramOptions,
} from './run-program.ts';
export { testSeed } from './seed.ts';
export { spawnNode, type NodeProcess, type SpawnNodeOptions } from './spawn-node.ts';
export type { ServerProcess } from './server-process.ts';
export { createTestDatabase, type TestDatabase } from './test-database.ts';
export { createTestMqtt, type TestMqtt } from './test-mqtt.ts';
export { createTestRedis, type TestRedis } from './test-redis.ts';
export { CONFORMANCE_ROWS } from './conformance/conformance.ts';
export { NotApplicable } from './conformance/library.ts';
export type {
  BreakerSpec,
  BreakerUnderTest,
  Execute,
  Library,
  RetrySpec,
  Session,
  VirtualClock,
  WorkUnderTest,
} from './conformance/library.ts';
export { isTorture, recordTorture, type TortureLine } from './torture.ts';
export { runRow, type Row, type RowResult, type Verdict } from './conformance/row.ts';
