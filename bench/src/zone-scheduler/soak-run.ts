/**
 * `soak-run.mjs ZONES CYCLES [leak]`: a twentieth of the zones fails and another hangs until it is aborted. Prints by how
 * many bytes a run the heap grows, once all code is compiled: compiled code and what the engine has learned for it are
 * all that grows before. With `leak` the handler keeps one small object of each run: what must be seen.
 */
import { createZoneScheduler, fixed } from '@holdfast/zone-scheduler';
import { slopeOf } from '../slope.ts';

const WARM_UP_CYCLES = 20;
const POINTS = 10;

const [zonesText = '', cyclesText = '', leak] = process.argv.slice(2);
const zones = Array.from({ length: Number(zonesText) }, (_, n) => ({
  id: `zone-${n}`,
  timeoutMs: 20,
}));
const kept: object[] = [];
let runs = 0;

const scheduler = createZoneScheduler({
  zones: () => zones,
  handler: (_zone, { signal }) => {
    runs += 1;
    if (leak === 'leak') kept.push({ runs });
    if (runs % 20 === 0) return Promise.reject(new Error('valve'));
    if (runs % 20 !== 1) return Promise.resolve();
    // Hangs until it is aborted, as a handler does that passes its signal on.
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  },
  controller: fixed(500),
  quarantine: false,
  suspects: false,
  maxZombies: 1_000,
});

const run = async (cycles: number): Promise<void> => {
  for (let n = 0; n < cycles; n += 1) await scheduler.runCycle();
};

await run(WARM_UP_CYCLES);
const points: { x: number; y: number }[] = [];
for (let n = 0; n < POINTS; n += 1) {
  await run(Math.ceil(Number(cyclesText) / POINTS));
  globalThis.gc?.();
  points.push({ x: runs, y: process.memoryUsage().heapUsed });
}
await scheduler.close();
const cycles = scheduler.snapshot().counters.cycles;
if (runs !== cycles * zones.length) {
  throw new Error(`${runs} zones ran in ${cycles} cycles of ${zones.length}`);
}
process.stdout.write(`${JSON.stringify({ runs, bytesPerRun: slopeOf(points) })}\n`);
process.exit(0);
