/**
 * 50,000 zones of 120 ms at 500 at a time, on real timers: `real-run.mjs SIDE ZONES`. Prints how long it took, how much
 * later than due the event loop was, and the most heap above that of the start.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createZoneScheduler, fixed } from '@holdfast/zone-scheduler';
import pLimit from 'p-limit';

const LIMIT = 500;
const ZONE_MS = 120;
const TIMEOUT_MS = 5_000;

const [side = '', count = ''] = process.argv.slice(2);
const zones = Array.from({ length: Number(count) }, (_, n) => ({ id: `zone-${n}` }));
let peakBytes = 0;
let handled = 0;

function work(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => {
      handled += 1;
      if (handled % 1_000 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed);
      resolve();
    }, ZONE_MS);
  });
}

async function ours(): Promise<void> {
  const scheduler = createZoneScheduler({
    zones: () => zones,
    handler: work,
    controller: fixed(LIMIT),
    timeoutMs: TIMEOUT_MS,
  });
  await scheduler.runCycle();
  await scheduler.close();
}

async function peer(): Promise<void> {
  const limit = pLimit(LIMIT);
  await Promise.all(zones.map(() => limit(work)));
}

globalThis.gc?.();
const startBytes = process.memoryUsage().heapUsed;
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
const startedMs = performance.now();
await (side === 'ours' ? ours() : peer());
const seconds = (performance.now() - startedMs) / 1_000;
if (handled !== zones.length) throw new Error(`${handled} zones ran, not ${zones.length}`);
process.stdout.write(
  `${JSON.stringify({
    seconds,
    heapMiB: (peakBytes - startBytes) / 2 ** 20,
    loopDelayP99Ms: delays.percentile(99) / 1e6 - 5,
  })}\n`,
);
process.exit(0);
