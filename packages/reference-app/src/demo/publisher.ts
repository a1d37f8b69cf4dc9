import { sleep, systemClock, type Clock } from '@holdfast/internal';
import type { MqttClient } from 'mqtt';
import { formatTimestamp } from '../system/timestamp.ts';
import { OperatorError, reasonOf } from '../system/operator-error.ts';
import { nodeTopic } from '../system/wire.ts';
import type { DeviceMessage, DeviceSource } from './device-message.ts';
import { STALLED_AFTER_MS } from './drain.ts';
import type { Ledger } from './ledger.ts';

/**
 * Messages on their way between devices and queue. Brokers drop what a slow subscriber leaves waiting (Mosquitto
 * beyond 1,000 messages by default), so a demo that wants nothing lost stays below that.
 */
const MAX_IN_FLIGHT = 500;
const ROOM_POLL_MS = 2;

/** Publishes a source's messages as their devices would, each node always over the same connection. */
export async function publishAll(options: {
  readonly source: DeviceSource;
  readonly clients: readonly MqttClient[];
  readonly root: string;
  readonly ledger: Ledger;
  /** Ends the publishing early; what was published stays published. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}): Promise<void> {
  const { source, clients, root, ledger, signal, clock = systemClock } = options;
  const startedAt = clock.now();
  const acknowledgements = new Set<Promise<void>>();
  let failure: unknown;

  const send = async (message: DeviceMessage): Promise<void> => {
    const client = clients[hash(message.uid) % clients.length];
    if (client === undefined) throw new Error('no connection to publish over');
    ledger.sent();
    if (message.kind === 'telemetry') ledger.published(message);
    try {
      await client.publishAsync(nodeTopic(root, message.uid, message.kind), encode(message), {
        qos: 1,
      });
    } catch (error) {
      // Not of a connection that is lost: then MQTT.js sends again.
      throw new OperatorError(`the broker refused a message: ${reasonOf(error)}`, { cause: error });
    }
    if (message.kind === 'telemetry') ledger.acknowledge(message);
  };

  /** Ends with true when nothing has moved for so long that nothing will. */
  const waitWhile = async (isWaiting: () => boolean): Promise<boolean> => {
    while (isWaiting() && !signal.aborted) {
      if (clock.now() - ledger.movedAt > STALLED_AFTER_MS) return true;
      await sleep(ROOM_POLL_MS, { clock, signal }).catch(() => undefined);
    }
    return false;
  };

  for await (const message of source.messages) {
    const waitMs = message.atMs - (clock.now() - startedAt);
    if (waitMs > 0) await sleep(waitMs, { clock, signal }).catch(() => undefined);
    const isStuck = await waitWhile(() => ledger.inFlight >= MAX_IN_FLIGHT);
    if (isStuck || signal.aborted || failure !== undefined) break;
    const acknowledged = send(message)
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => acknowledgements.delete(acknowledged));
    acknowledgements.add(acknowledged);
  }
  await waitWhile(() => acknowledgements.size > 0);
  if (failure !== undefined) throw failure;
}

function encode(message: DeviceMessage): string {
  if (message.kind === 'hello') return JSON.stringify({ zone: message.zone });
  const { ts, seq, values } = message;
  return JSON.stringify({ ts: formatTimestamp(ts), seq, values });
}

/** FNV-1a: spreads the nodes over the connections. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value >>> 0;
}
