import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { connectMqtt, connectPostgres, endMqtt } from '../system/connect.ts';
import { startSystem, type System } from '../system/create-system.ts';
import { migrate } from '../system/migrations.ts';
import type { CleanupStack } from './cleanup-stack.ts';
import type { DemoOptions } from './demo-options.ts';
import { ingestStore, mqttServer, postgresServer } from './servers.ts';

export interface Assembly {
  readonly pool: Pool;
  readonly system: System;
  /** The devices' connections. */
  readonly devices: readonly MqttClient[];
  readonly root: string;
}

const MAX_DEVICE_CONNECTIONS = 64;
const REPLAY_CONNECTIONS = 8;

/** Brings up servers, schema, system and device connections; what it brought up is on `cleanups` at every moment. */
export async function assemble(
  options: DemoOptions,
  log: Logger,
  cleanups: CleanupStack,
): Promise<Assembly> {
  const { urls, input } = options;
  const onError = (server: string) => (error: Error) => log.warn({ err: error, server }, 'server');

  // Topics and queue of this run alone, so that runs on shared servers do not meet.
  const root = `holdfast-demo-${randomUUID().slice(0, 8)}`;

  const postgres = await postgresServer(urls.postgres);
  cleanups.add(() => postgres.close());
  const broker = await mqttServer(urls.mqtt);
  cleanups.add(() => broker.close());
  const queue = await ingestStore(urls.redis, root, onError('redis'));
  cleanups.add(() => queue.close());

  const pool = await connectPostgres(postgres.url, onError('postgres'));
  cleanups.add(() => pool.end());
  await migrate(pool);

  // The embedded broker speaks MQTT 3.1.1 only.
  const protocolVersion = urls.mqtt === undefined ? 4 : 5;
  const system = await startSystem({
    pool,
    store: queue.store,
    mqtt: { url: broker.url, protocolVersion },
    log,
    root,
    zones: { cycleMs: 2_000, maxLimit: 8, metric: 'air_temp', maxAgeMs: 60_000 },
  });
  cleanups.add(() => system.close());

  const connectDevice = async (): Promise<MqttClient> => {
    const client = await connectMqtt(broker.url, onError('mqtt'), { protocolVersion });
    cleanups.add(() => endMqtt(client));
    return client;
  };
  const connections =
    input.kind === 'replay' ? REPLAY_CONNECTIONS : Math.min(input.nodes, MAX_DEVICE_CONNECTIONS);
  const devices = await Promise.all(Array.from({ length: connections }, connectDevice));
  return { pool, system, devices, root };
}
