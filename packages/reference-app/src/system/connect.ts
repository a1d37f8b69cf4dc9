import { createDeferred } from '@holdfast/internal';
import mqtt, { type IClientOptions, type IDisconnectPacket, type MqttClient } from 'mqtt';
import { Pool } from 'pg';
import { cannotConnect } from './operator-error.ts';
import { settlesWithin } from './settles-within.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 20;

/** A server that has stopped answering and keeps its connections must not hold what waits for it for ever. */
const QUERY_TIMEOUT_MS = 30_000;

/** How long a broker has to take what is still to be sent, and the goodbye. */
const GOODBYE_PATIENCE_MS = 2_000;

/** @throws {OperatorError} when no connection can be made. */
export async function connectPostgres(url: string, onError: (error: Error) => void): Promise<Pool> {
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: 'holdfast',
  });
  // Without a listener, an idle connection that dies would end the process.
  pool.on('error', (error) => {
    // Once we leave, a server that stops may say goodbye.
    if (!pool.ending) onError(error);
  });
  try {
    await pool.query('select 1');
  } catch (error) {
    await pool.end();
    throw cannotConnect('Postgres', url, error);
  }
  return pool;
}

export interface MqttOptions {
  /** 5, or 4 for MQTT 3.1.1. */
  readonly protocolVersion: 4 | 5;
  /**
   * With it, the broker keeps the subscriptions and what is not acknowledged while the connection is away, under this
   * client id. Without, a client that only publishes.
   */
  readonly session?: {
    readonly clientId: string;
    /** The message is acknowledged (PUBACK) when it resolves, and stays with the broker when it rejects. */
    readonly receive: (topic: string, payload: Buffer | string) => Promise<void>;
  };
}

/** How long the broker keeps a session whose client is away. */
const SESSION_EXPIRY_SECONDS = 3_600;

/**
 * Connects and, from then on, reconnects by itself.
 *
 * @throws {OperatorError} when the first connection cannot be made.
 */
export async function connectMqtt(
  url: string,
  onError: (error: Error) => void,
  { protocolVersion, session }: MqttOptions,
): Promise<MqttClient> {
  const client = mqtt.connect(url, {
    protocolVersion,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 500,
    ...(session === undefined ? {} : sessionOptions(session.clientId, protocolVersion)),
  });
  if (session !== undefined) {
    // MQTT.js takes one message at a time and acknowledges it when this callback is called. Set in the same turn as the
    // connection is begun: a session that the broker has kept begins to deliver at once.
    client.handleMessage = ({ topic, payload }, acknowledge) => {
      session.receive(topic, payload).then(
        () => acknowledge(),
        // Closed meanwhile. Not acknowledged, so the broker keeps the message.
        () => undefined,
      );
    };
  }
  const connected = createDeferred<void>();
  const onConnect = (): void => connected.resolve();
  const onClose = (): void => connected.reject(new Error('the connection was closed'));
  client
    .on('connect', onConnect)
    .on('close', onClose)
    .on('error', (error) => connected.reject(error));
  try {
    await connected.promise;
  } catch (error) {
    await client.endAsync(true);
    throw cannotConnect('the MQTT broker', url, error);
  }
  // Just ours: the client reconnects by a 'close' listener of its own.
  client.off('connect', onConnect).off('close', onClose);
  client.on('error', onError);
  return client;
}

/** Ends a connection, in order if the broker is there for it; one that is away or does not answer is left. */
export async function endMqtt(
  client: MqttClient,
  options: Pick<IDisconnectPacket, 'properties'> = {},
): Promise<void> {
  // What is still to be sent would be waited for until the broker comes back.
  const isForced = !client.connected;
  const isEnded = await settlesWithin(client.endAsync(isForced, options), GOODBYE_PATIENCE_MS);
  if (!isEnded) client.stream.destroy();
}

function sessionOptions(clientId: string, protocolVersion: 4 | 5): IClientOptions {
  const kept = { clientId, clean: false };
  if (protocolVersion === 4) return kept;
  return { ...kept, properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS } };
}
