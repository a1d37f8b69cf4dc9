import { Worker } from 'node:worker_threads';
import { createDeferred } from '@holdfast/internal';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';

const ASKED = 0;
const ANSWERED = 1;

/** A downstream that answers once it is let, and says so where a thread that stands still can see it. */
const ANSWER = `
const { parentPort, workerData } = require('node:worker_threads');
parentPort.on('message', (id) => {
  Atomics.wait(workerData, ${ASKED}, 0);
  parentPort.postMessage(id);
  Atomics.store(workerData, ${ANSWERED}, 1);
  Atomics.notify(workerData, ${ANSWERED});
});
parentPort.postMessage('ready');`;

const flags = new Int32Array(new SharedArrayBuffer(8));
let downstream: Worker;

beforeAll(async () => {
  downstream = new Worker(ANSWER, { eval: true, workerData: flags });
  await new Promise((resolve) => downstream.once('message', resolve));
});
afterAll(async () => {
  await downstream.terminate();
});

it('takes up what has arrived while the event loop stood still, before it gives up what is overdue', async () => {
  const started = createDeferred<number>();
  const scheduler = createZoneScheduler({
    zones: () => [{ id: 'north' }],
    handler: ({ id }, { deadlineMs }) => {
      const answered = new Promise<void>((resolve) => {
        downstream.once('message', () => resolve());
      });
      downstream.postMessage(id);
      started.resolve(deadlineMs);
      return answered;
    },
    // Long enough for the loop to come to where it stands still.
    timeoutMs: 1_000,
  });

  const report = scheduler.runCycle();
  const deadlineMs = await started.promise;
  // Right before the timers of the next turn, until the answer is there and the time of the zone is over.
  setImmediate(() => {
    Atomics.store(flags, ASKED, 1);
    Atomics.notify(flags, ASKED);
    Atomics.wait(flags, ANSWERED, 0);
    while (performance.now() < deadlineMs + 100);
  });

  expect((await report).zones).toMatchObject({ ok: 1, timedOut: 0 });
  await scheduler.close();
});
