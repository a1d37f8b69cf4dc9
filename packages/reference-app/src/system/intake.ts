import { randomUUID } from 'node:crypto';
import {
  createBackoff,
  createListeners,
  isHoldfastError,
  sleep,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import type { MqttClient } from 'mqtt';
import { nodeTopicFilter, parseNodeTopic, type MessageKind } from './wire.ts';

/** A device's message as the ingest queue holds it: read only after it is safe. */
export interface QueuedMessage {
  readonly kind: MessageKind;
  readonly uid: string;
  readonly body: string;
}

/** The queue's producing half, by shape. */
export interface MessageSink {
  /** An item with an `idempotencyKey` that the queue has seen is not added again. */
  add(
    message: QueuedMessage,
    options?: { readonly idempotencyKey?: string; readonly signal?: AbortSignal },
  ): Promise<unknown>;
}

export interface IntakeEvents {
  /** The queue holds the message; the broker is told next. */
  readonly accepted: QueuedMessage;
  /** A message that can never be taken: it is acknowledged, so that the broker does not send it for ever. */
  readonly refused: { readonly topic: string; readonly reason: 'topic' | 'too-large' };
  /** The queue did not take a message; it stays unacknowledged and is offered again. */
  readonly waiting: { readonly error: unknown; readonly attempt: number };
}

const CLOSE_PATIENCE_MS = 5_000;

export interface Intake {
  on<K extends keyof IntakeEvents>(
    event: K,
    listener: (payload: IntakeEvents[K]) => void,
  ): () => void;
  /**
   * Takes one message; resolves when it may be acknowledged. Give it to the client before that connects: a session that
   * the broker has kept begins to deliver at once, and what nobody takes would be acknowledged unseen.
   */
  readonly receive: (topic: string, payload: Buffer | string) => Promise<void>;
  /** Resolves when the broker has granted the subscriptions. */
  start(client: MqttClient): Promise<void>;
  /**
   * Stops the flow and waits for the message that is being appended, for some seconds. Resolves with false when it was
   * given up, unacknowledged: the broker's session then still holds it.
   */
  close(): Promise<boolean>;
}

/**
 * Takes the devices' messages from the broker into the queue. A message whose append fails is offered again, and is
 * not acknowledged before the queue holds it.
 */
export function createIntake(options: {
  readonly root: string;
  readonly sink: MessageSink;
  readonly clock?: Clock;
}): Intake {
  const { root, sink, clock = systemClock } = options;
  const filters = [nodeTopicFilter(root, 'hello'), nodeTopicFilter(root, 'telemetry')];
  const listeners = createListeners<IntakeEvents>({ accepted: true, refused: true, waiting: true });
  const closing = new AbortController();
  const backoff = createBackoff({ baseMs: 50, capMs: 5_000 });
  const appending = new Set<Promise<void>>();
  let subscribed: MqttClient | undefined;

  const append = async (message: QueuedMessage, topic: string): Promise<void> => {
    // The same for every attempt: one whose answer was lost may have been applied.
    const idempotencyKey = randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await sink.add(message, { idempotencyKey, signal: closing.signal });
        listeners.emit('accepted', message);
        return;
      } catch (error) {
        if (closing.signal.aborted) throw error;
        if (isHoldfastError(error, 'ITEM_TOO_LARGE')) {
          listeners.emit('refused', { topic, reason: 'too-large' });
          return;
        }
        listeners.emit('waiting', { error, attempt });
        await sleep(backoff(attempt, 0), { clock, signal: closing.signal });
      }
    }
  };

  const take = async (topic: string, payload: Buffer | string): Promise<void> => {
    const target = parseNodeTopic(root, topic);
    if (target === undefined) listeners.emit('refused', { topic, reason: 'topic' });
    else await append({ ...target, body: payload.toString() }, topic);
  };

  return {
    on: (event, listener) => listeners.on(event, listener),
    receive(topic, payload) {
      const taking = take(topic, payload);
      const settled = taking.catch(() => undefined).finally(() => appending.delete(settled));
      appending.add(settled);
      return taking;
    },
    async start(client) {
      subscribed = client;
      const granted = await client.subscribeAsync(filters, { qos: 1 });
      // MQTT 5, 3.9.3: reason codes from 0x80 are refusals.
      const refused = granted.filter((grant) => grant.qos >= 128);
      if (refused.length > 0) {
        throw new Error(
          `the broker refused to subscribe ${refused.map((g) => g.topic).join(', ')}`,
        );
      }
    },
    async close() {
      // The broker's answer comes behind the message that is being appended, which may wait for a queue that is away.
      const unsubscribed =
        subscribed?.connected === true
          ? subscribed.unsubscribeAsync(filters).then(() => appending.size === 0)
          : Promise.resolve(appending.size === 0);
      const isDrained = await Promise.race([
        unsubscribed.catch(() => false),
        sleep(CLOSE_PATIENCE_MS, { clock, background: true }).then(() => false),
      ]);
      closing.abort(new Error('the intake is closed'));
      await Promise.all(appending);
      return isDrained;
    },
  };
}
