import { postgresStore } from '@holdfast/sync-queue/postgres';
import { Logger, makeWorkerUtils, run, type RunnerOptions } from 'graphile-worker';
import { Pool } from 'pg';
import { PgBoss, type Job } from 'pg-boss';
import { openHoldfast, type QueueSide } from './queue-side.ts';

/** As many connections as each side may have. */
const CONNECTIONS = 10;

export async function openOnPostgres(url: string): Promise<QueueSide> {
  const pool = new Pool({ connectionString: url, max: CONNECTIONS });
  return openHoldfast(postgresStore({ pool }), {
    maxBatch: 500,
    async clear() {
      await pool.query('TRUNCATE holdfast_queue.item, holdfast_queue.gate, holdfast_queue.slot');
    },
    close: () => pool.end(),
  });
}

/** pg-boss; `isWoken`: with NOTIFY and bursts, its best settings for work, instead of its defaults. */
export async function openPgBoss(
  url: string,
  { isWoken }: { readonly isWoken: boolean },
): Promise<QueueSide> {
  const name = 'bench';
  const schema = isWoken ? 'pgboss_woken' : 'pgboss';
  const boss = new PgBoss({
    ...{ connectionString: url, max: CONNECTIONS, schema },
    useListenNotify: isWoken,
  });
  await boss.start();
  await boss.createQueue(name, isWoken ? { notify: true } : {});
  const burst = isWoken ? { burstWhenBatchFull: true } : {};
  const work = async (
    onJobs: (jobs: readonly Job[]) => void,
    options: { readonly batchSize: number; readonly localConcurrency: number },
  ): Promise<() => Promise<void>> => {
    const handler = (jobs: Job[]): Promise<void> => {
      onJobs(jobs);
      return Promise.resolve();
    };
    const id = await boss.work<object>(name, { ...options, ...burst }, handler);
    return () => boss.offWork(name, { id, wait: true });
  };
  const drain = async (
    count: number,
    options: { readonly batchSize: number; readonly localConcurrency: number },
  ): Promise<void> => {
    let done = 0;
    let end: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (end = resolve));
    const stop = await work((jobs) => {
      done += jobs.length;
      if (done >= count) end();
    }, options);
    await all;
    await stop();
  };
  return {
    add: (value) => boss.send(name, value),
    addBulk: (values) =>
      boss.insert(
        name,
        values.map((data) => ({ data })),
      ),
    drainEach: (count, concurrency) =>
      drain(count, { batchSize: 2, localConcurrency: concurrency }),
    drainBatches: (count) => drain(count, { batchSize: 500, localConcurrency: 2 }),
    // A batch of all that waits: at its default of one it would do one item a poll, and fall behind for ever.
    consume(onValue) {
      const onJobs = (jobs: readonly Job[]): void => jobs.forEach(({ data }) => onValue(data));
      return work(onJobs, { batchSize: 1000, localConcurrency: 1 });
    },
    async clear() {
      await boss.deleteAllJobs(name);
    },
    close: () => boss.stop({ graceful: false }),
  };
}

type WorkerSettings = NonNullable<NonNullable<RunnerOptions['preset']>['worker']>;

/** graphile-worker with a local queue and batched completion, its settings for throughput. */
export async function openGraphile(url: string): Promise<QueueSide> {
  const pool = new Pool({ connectionString: url, max: CONNECTIONS });
  // It asks for both.
  for (const event of ['error', 'connect'] as const) pool.on(event, () => undefined);
  // Its notices of each job would be measured as well.
  const logger = new Logger(() => () => undefined);
  const utils = await makeWorkerUtils({ pgPool: pool, logger });
  await utils.migrate();
  const start = async (
    onValue: (value: object) => void,
    worker: WorkerSettings,
  ): Promise<() => Promise<void>> => {
    const task = (payload: unknown): void => onValue(payload as object);
    const runner = await run({
      ...{ pgPool: pool, noHandleSignals: true, taskList: { job: task } },
      preset: { worker: { logger, ...worker } },
    });
    return () => runner.stop();
  };
  const drain = async (count: number, worker: WorkerSettings): Promise<void> => {
    let done = 0;
    let end: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (end = resolve));
    const stop = await start(() => {
      done += 1;
      if (done === count) end();
    }, worker);
    await all;
    await stop();
  };
  const batched = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
  return {
    add: (value) => utils.addJob('job', value),
    addBulk: (values) => utils.addJobs(values.map((payload) => ({ identifier: 'job', payload }))),
    drainEach: (count, concurrency) => drain(count, { concurrentJobs: concurrency }),
    drainBatches: (count) => drain(count, { concurrentJobs: 24, ...batched }),
    consume: (onValue) => start(onValue, { concurrentJobs: 24 }),
    async clear() {
      await pool.query('TRUNCATE graphile_worker._private_jobs');
    },
    async close() {
      await utils.release();
      await pool.end();
    },
  };
}
