/**
 * Cycles on a real database: `postgres-run.mjs URL CONTROLLER ZONES CYCLES CYCLE_MS POOL ROWS`. Each zone reads its row,
 * which takes a scan of ROWS rows, and writes it. Prints the missed ticks and what became of the zones.
 */
import { adaptive, createZoneScheduler, fixed } from '@holdfast/zone-scheduler';
import { Pool } from 'pg';

const [url, controller, ...numbers] = process.argv.slice(2);
const [zones = 0, cycles = 0, cycleMs = 0, poolSize = 0, rows = 0] = numbers.map(Number);
const pool = new Pool({ connectionString: url, max: poolSize });

const scheduler = createZoneScheduler({
  zones: () => Array.from({ length: zones }, (_, n) => ({ id: String(n) })),
  handler: async ({ id }) => {
    const { rows: found } = await pool.query<{ value: number }>(
      `SELECT value, (SELECT sum(n) FROM generate_series(1, $2) n) FROM zone_state WHERE id = $1`,
      [id, rows],
    );
    await pool.query('UPDATE zone_state SET value = $2 WHERE id = $1', [
      id,
      (found[0]?.value ?? 0) + 1,
    ]);
  },
  controller: controller === 'adaptive' ? adaptive() : fixed(Number(controller)),
  cycleMs,
});

const limits: number[] = [];
const durations: number[] = [];
await new Promise<void>((resolve) => {
  scheduler.on('cycle', ({ cycle, durationMs, concurrency }) => {
    durations.push(durationMs);
    limits.push(concurrency.mean);
    if (cycle >= cycles) resolve();
  });
  void scheduler.start();
});
const { counters } = scheduler.snapshot();
await scheduler.close();
await pool.end();
process.stdout.write(
  `${JSON.stringify({
    missedTicks: counters.missedTicks,
    ok: counters.ok,
    failed: counters.failed + counters.timedOut,
    deferred: counters.deferred,
    longestMs: Math.max(...durations),
    meanInFlight: limits.reduce((sum, limit) => sum + limit, 0) / limits.length,
  })}\n`,
);
