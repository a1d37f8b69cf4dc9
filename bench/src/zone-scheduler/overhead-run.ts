/**
 * One case in a process of its own: `overhead-run.mjs CASE ZONES`. Prints what a zone costs beside its handler, which does
 * nothing but return a promise: CPU microseconds, and the most heap above that of the start.
 */
import { getHeapStatistics } from 'node:v8';
import { createZoneScheduler, fixed } from '@holdfast/zone-scheduler';
import pLimit from 'p-limit';
import PQueue from 'p-queue';

const LIMIT = 200;
const TIMEOUT_MS = 5_000;
const CYCLES = 5;

const [name = '', count = ''] = process.argv.slice(2);
const zones = Array.from({ length: Number(count) }, (_, n) => ({ id: `zone-${n}` }));
let peakBytes = 0;
let handled = 0;

/** Looks at the heap now and then. Not with `process.memoryUsage()`, which asks the system for what is not wanted here. */
function work(): Promise<void> {
  handled += 1;
  if (handled % 1_000 === 0) peakBytes = Math.max(peakBytes, usedBytes());
  return Promise.resolve();
}

function usedBytes(): number {
  return getHeapStatistics().used_heap_size;
}

const CASES: Record<string, () => () => Promise<unknown>> = {
  ours() {
    const scheduler = createZoneScheduler({
      zones: () => zones,
      handler: work,
      controller: fixed(LIMIT),
      timeoutMs: TIMEOUT_MS,
    });
    return () => scheduler.runCycle();
  },
  'ours-signal'() {
    const scheduler = createZoneScheduler({
      zones: () => zones,
      handler: (_zone, { signal }) =>
        signal.aborted ? Promise.reject(signal.reason as Error) : work(),
      controller: fixed(LIMIT),
      timeoutMs: TIMEOUT_MS,
    });
    return () => scheduler.runCycle();
  },
  'p-limit'() {
    const limit = pLimit(LIMIT);
    return () => Promise.all(zones.map(() => limit(() => withTimeout(work))));
  },
  'p-queue'() {
    const queue = new PQueue({ concurrency: LIMIT, timeout: TIMEOUT_MS });
    return () => Promise.all(zones.map(() => queue.add(work)));
  },
  barest: () => () => pumpBarely(work),
  'barest-signal': () => () =>
    pumpBarely(() => {
      const { signal } = new AbortController();
      return signal.aborted ? Promise.reject(signal.reason as Error) : work();
    }),
};

/** What no scheduler can do without: a promise for each zone, a limit, and a deadline that a sweep could look at. */
function pumpBarely(handler: () => Promise<void>): Promise<void> {
  const deadlinesMs = new Float64Array(zones.length);
  let started = 0;
  let running = 0;
  return new Promise((resolve) => {
    const onEnd = (): void => {
      running -= 1;
      pump();
    };
    const pump = (): void => {
      while (running < LIMIT && started < zones.length) {
        running += 1;
        deadlinesMs[started] = performance.now() + TIMEOUT_MS;
        started += 1;
        void handler().then(onEnd);
      }
      if (running === 0) resolve();
    };
    pump();
  });
}

/** What users of p-limit write. */
async function withTimeout(fn: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), TIMEOUT_MS);
  });
  try {
    await Promise.race([fn(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

const cycle = CASES[name]?.();
if (cycle === undefined) throw new Error(`there is no case ${name}`);
// A scheduler runs for weeks: what the first cycles cost to compile is no part of it, for any of the cases.
for (let n = 0; n < CYCLES; n += 1) await cycle();
handled = 0;
globalThis.gc?.();
const startBytes = usedBytes();
peakBytes = startBytes;
const cpu = process.cpuUsage();
for (let n = 0; n < CYCLES; n += 1) await cycle();
const { user, system } = process.cpuUsage(cpu);
const runs = zones.length * CYCLES;
if (handled !== runs) throw new Error(`${handled} zones ran, not ${runs}`);
process.stdout.write(
  `${JSON.stringify({
    cpuMicros: (user + system) / runs,
    heapMiB: (peakBytes - startBytes) / 2 ** 20,
  })}\n`,
);
process.exit(0);
