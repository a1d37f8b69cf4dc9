// Runs fault tests at the full size that their claims name: the same tests that run small in `npm test`. Each appends
// one JSON line to bench/results/torture.jsonl. Usage: npm run torture [-- name …]
import { spawnSync } from 'node:child_process';

const TESTS = {
  'breaker-outage': 'packages/circuit-breaker/test/sim/simulate-outage.test.ts',
  'breaker-model': 'packages/circuit-breaker/test/circuit-breaker/model.test.ts',
  'breaker-leaks': 'packages/circuit-breaker/test/leaks.test.ts',
  'redis-guard-drill': 'packages/circuit-breaker/test/redis/drill.test.ts',
  'shared-breaker': 'packages/circuit-breaker/test/shared/processes.test.ts',
  'locks-mutex': 'packages/locks/test/faults/mutex.test.ts',
  'locks-timeouts': 'packages/locks/test/faults/timeouts.test.ts',
  'locks-commit-cuts': 'packages/locks/test/faults/commit-cuts.test.ts',
  'locks-isolation': 'packages/locks/test/faults/isolation.test.ts',
  'locks-fencing': 'packages/locks/test/lease-fencing.test.ts',
  'batch-writer-kills': 'packages/batch-writer/test/faults/kills-of',
  'batch-writer-deadlocks': 'packages/batch-writer/test/faults/deadlocks.test.ts',
  'batch-writer-dedupe': 'packages/batch-writer/test/duplicates/large.test.ts',
  'batch-loader-room': 'packages/batch-writer/test/loader/room.test.ts',
  'outbox-oracle': 'packages/sync-queue/test/outbox/simulation.test.ts',
  'outbox-restart': 'packages/sync-queue/test/outbox/sqlite-outbox-store.test.ts',
  'outbox-kills': 'packages/sync-queue/test/outbox/kills.test.ts',
  'batch-writer-model': 'packages/batch-writer/test/model.test.ts',
  'sync-queue-kills': 'packages/sync-queue/test/faults/worker-kills.test.ts',
  'sync-queue-stops': 'packages/sync-queue/test/faults/stopped-workers.test.ts',
  'sync-queue-producer-kills': 'packages/sync-queue/test/faults/producer-kills.test.ts',
  'sync-queue-bounds': 'packages/sync-queue/test/faults/bounds.test.ts',
  'sync-queue-redis': 'packages/sync-queue/test/redis/faults.test.ts',
  'sync-queue-postgres': 'packages/sync-queue/test/postgres/outages.test.ts',
  'sync-queue-sqlite': 'packages/sync-queue/test/sqlite/faults.test.ts',
  'sync-queue-commit-cuts': 'packages/sync-queue/test/receiver/commit-cuts.test.ts',
  'outbox-reconnect': 'packages/sync-queue/test/outbox/reconnect.test.ts',
  'zone-ownership': 'packages/zone-scheduler/test/faults/ownership.test.ts',
  'sync-queue-model': 'packages/sync-queue/test/model/model.test.ts',
  replay: 'packages/reference-app/test/end-to-end/replay.test.ts',
  'zone-scenarios': 'packages/zone-scheduler/test/sim/scenarios.test.ts',
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in TESTS));
if (unknown !== undefined) {
  console.error(`torture: there is no test ${unknown}; there are ${Object.keys(TESTS).join(', ')}`);
  process.exit(2);
}
for (const [name, file] of Object.entries(TESTS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`== ${name}`);
  const { status } = spawnSync('npx', ['vitest', 'run', file], {
    stdio: 'inherit',
    env: { ...process.env, HOLDFAST_TORTURE: '1' },
  });
  if (status !== 0) process.exit(status ?? 1);
}
