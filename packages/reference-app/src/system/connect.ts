import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { Pool } from 'pg';

/** A server of the system did not answer. The message is one sentence for the operator, without credentials. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(what: string, url: string, cause: unknown) {
    super(`cannot reach ${what} at ${withoutCredentials(url)}: ${reasonOf(cause)}`, { cause });
  }
}

const CONNECT_TIMEOUT_MS = 5_000;

/** @throws {UnreachableError} when no connection can be made. */
export async function connectPostgres(
  url: string,
  onError: (error: Error) => void,
  max = 20,
): Promise<Pool> {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'holdfast',
  });
  // Without a listener, an idle connection that dies would end the process.
  pool.on('error', onError);
  try {
    await pool.query('select 1');
  } catch (error) {
    await pool.end();
    throw new UnreachableError('Postgres', url, error);
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
 * @throws {UnreachableError} when the first connection cannot be made.
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
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
      client.once('close', () => reject(new Error('the connection was closed')));
    });
  } catch (error) {
    client.on('error', () => undefined);
    await client.endAsync(true);
    throw new UnreachableError('the MQTT broker', url, error);
  }
  client.removeAllListeners('close');
  client.on('error', onError);
  return client;
}

function sessionOptions(clientId: string, protocolVersion: 4 | 5): IClientOptions {
  const kept = { clientId, clean: false };
  if (protocolVersion === 4) return kept;
  return { ...kept, properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS } };
}

function withoutCredentials(url: string): string {
  try {
    const { protocol, host } = new URL(url);
    return `${protocol}//${host}`;
  } catch {
    return 'an address that is not a URL';
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}
