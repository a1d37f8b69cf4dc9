/** `soak-run.mjs ZONES CYCLES`: a tenth of the zones fail or hang. Prints the heap that is left after the first and the last tenth of the cycles. */
import { createZoneScheduler, fixed } from '@holdfast/zone-scheduler';

const [zonesText = '', cyclesText = ''] = process.argv.slice(2);
const cycles = Number(cyclesText);
const zones = Array.from({ length: Number(zonesText) }, (_, n) => ({ id: `zone-${n}` }));
let runs = 0;

const scheduler = createZoneScheduler({
  zones: () => zones,
  handler: (_zone, { signal }) => {
    runs += 1;
    if (runs % 20 === 0) return Promise.reject(new Error('valve'));
    if (runs % 20 !== 1) return Promise.resolve();
    // Hangs until it is aborted, as a handler does that passes its signal on.
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  },
  controller: fixed(500),
  timeoutMs: 20,
  quarantine: false,
  suspects: false,
  maxZombies: 1_000,
});

const after = async (count: number): Promise<number> => {
  for (let n = 0; n < count; n += 1) await scheduler.runCycle();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};
const tenth = Math.max(1, Math.round(cycles / 10));
const before = await after(tenth);
const end = await after(cycles - tenth);
await scheduler.close();
process.stdout.write(`${JSON.stringify({ runs, growthBytes: end - before })}\n`);
process.exit(0);
