import { createLocks } from '@holdfast/locks';
import { createQueue, type QueueStore } from '@holdfast/sync-queue';
import { adaptive, createZoneScheduler, type ZoneScheduler } from '@holdfast/zone-scheduler';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { connectMqtt, endMqtt } from './connect.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { createIntake, type Intake, type QueuedMessage } from './intake.ts';
import { NodeRegistry } from './node-registry.ts';
import { OperatorError, reasonOf } from './operator-error.ts';
import { settlesWithin } from './settles-within.ts';
import { createWriters, type TelemetryWriters } from './writers.ts';
import { createZoneControl, type ZoneControl } from './zone-control.ts';

/** How long closing waits for the batches that are being worked on, and then for the rows that the writers hold. */
const INGEST_PATIENCE_MS = 10_000;
const WRITERS_PATIENCE_MS = 2_000;

const ALERT_LOGS = { warning: 'warn', critical: 'error', resolved: 'info' } as const;

export interface SystemOptions {
  readonly pool: Pool;
  /** Where the ingest queue is held. */
  readonly store: QueueStore;
  readonly mqtt: { readonly url: string; readonly protocolVersion: 4 | 5 };
  readonly log: Logger;
  /** First level of every topic; also names the queue and the broker session. */
  readonly root: string;
  readonly zones: {
    readonly cycleMs: number;
    /** Most zones that run at the same time; how many do, the scheduler finds out. */
    readonly maxLimit: number;
    /** The reading that the rule looks at. */
    readonly metric: string;
    /** Older readings count as none. */
    readonly maxAgeMs: number;
  };
}

export interface System {
  readonly intake: Intake;
  readonly ingest: Ingest;
  readonly scheduler: ZoneScheduler;
  readonly zoneControl: ZoneControl;
  readonly writers: TelemetryWriters;
  /** Stops the zones and the intake, lets what is leased from the queue settle, stores what the writers hold. */
  close(): Promise<void>;
}

/**
 * Starts the system: wires the parts, connects to the broker and begins to take messages. Has no behaviour of its own.
 *
 * @throws {OperatorError} when the broker does not answer, or the queue's store is not fit for it.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { pool, store, mqtt, log, root, zones } = options;
  const queue = createQueue<QueuedMessage>({
    name: `${root}/ingest`,
    store,
    limits: { maxCount: 100_000, maxBytes: 256 * 1024 * 1024, maxItemBytes: 256 * 1024 },
    overflow: { waitMs: 20_000 },
    leaseMs: 10_000,
    // Longer than an append is repeated for: each message that the broker gives is offered under one key.
    idempotency: { windowMs: 600_000, maxKeys: 200_000 },
    alerts: { raiseAt: 0.8, clearAt: 0.6, oldestMs: 60_000 },
    // What is wrong with a message is settled at once; left to retry is the database being away, so keep at it.
    retry: { baseMs: 100, capMs: 5_000, maxAttempts: 1_000 },
  });
  queue.on('storeError', ({ error }) => log.warn({ err: error }, 'the queue does not answer'));
  queue.on('pressureRaised', (incident) => log.warn(incident, 'the ingest queue fills up'));
  queue.on('pressureCleared', (incident) => log.warn(incident, 'the ingest queue has room again'));
  queue.on('dead', (dead) => log.warn(dead, 'a message went to the dead letters'));

  try {
    // Now, and not at the first message: a store that may evict what it holds, say.
    await queue.start();
  } catch (error) {
    await queue.close();
    throw new OperatorError(`cannot use the ingest queue: ${reasonOf(error)}`, { cause: error });
  }

  const writers = createWriters(pool, log);
  const ingest = createIngest({ registry: new NodeRegistry(pool), writers });
  const consumer = queue.consume(
    async (batch, context) => {
      try {
        return await ingest.handle(batch, context);
      } catch (error) {
        log.warn({ err: error, messages: batch.length }, 'a batch will be tried again');
        throw error;
      }
    },
    { maxBatch: 200, concurrency: 2 },
  );

  const intake = createIntake({ root, sink: queue });
  intake.on('waiting', ({ error }) => log.warn({ err: error }, 'the intake waits for the queue'));
  intake.on('refused', (refused) => log.warn(refused, 'a message was refused'));

  const closeIngest = async (): Promise<void> => {
    const consumerClosed = consumer.close();
    await settlesWithin(consumerClosed, INGEST_PATIENCE_MS);
    // A handler that still waits for the database is let go here: its messages stay in the queue.
    const limit = { timeoutMs: WRITERS_PATIENCE_MS };
    await Promise.all([
      writers.samples.close(limit),
      writers.last.close(limit),
      writers.rejected.close(limit),
    ]);
    await consumerClosed;
    await queue.close();
  };
  const onMqttError = (error: Error): void => log.warn({ err: error }, 'the broker');
  const session = { clientId: `${root}-intake`, receive: intake.receive };
  const { url, protocolVersion } = mqtt;
  const client = await connectMqtt(url, onMqttError, { protocolVersion, session }).catch(
    async (error: unknown) => {
      await closeIngest();
      throw error;
    },
  );

  const zoneControl = createZoneControl({
    pool,
    locks: createLocks({ db: pool, namespace: 'holdfast' }),
    publish: async (topic, payload) => {
      await client.publishAsync(topic, payload, { qos: 1 });
    },
    root,
    metric: zones.metric,
    maxAgeMs: zones.maxAgeMs,
  });
  const scheduler = createZoneScheduler({
    zones: () => zoneControl.zones(),
    handler: (zone, context) => zoneControl.run(zone, context),
    controller: adaptive({ min: 1, max: zones.maxLimit }),
    cycleMs: zones.cycleMs,
  });
  scheduler.on('cycle', ({ failures, sourceError }) => {
    if (failures.length > 0 || sourceError !== undefined) {
      log.warn({ failures, sourceError }, 'zones failed');
    }
  });
  scheduler.on('alert', ({ level, message, kind, value, since, suppressed, byError }) => {
    log[ALERT_LOGS[level]]({ kind, value, since, suppressed, byError }, message);
  });

  const closeNow = async (): Promise<void> => {
    await scheduler.close();
    const isDrained = await intake.close();
    await closeIngest();
    // MQTT 5, 3.14.2.2.2: with expiry 0 the broker forgets the session; only when it has nothing left in it.
    const forgets = isDrained && protocolVersion === 5;
    await endMqtt(client, forgets ? { properties: { sessionExpiryInterval: 0 } } : {});
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= closeNow());

  try {
    await intake.start(client);
    await scheduler.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { intake, ingest, scheduler, zoneControl, writers, close };
}
