import { randomBytes } from 'node:crypto';
import { useServer } from './shared-server.ts';

/** A topic prefix of a test's own on a real MQTT 5 broker. */
export interface TestMqtt {
  readonly url: string;
  /** Put it in front of every topic; it ends with a slash. */
  readonly topicPrefix: string;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws when there is no MQTT broker (see `findServer`). */
export async function createTestMqtt(): Promise<TestMqtt> {
  const server = await useServer('mqtt');
  const topicPrefix = `holdfast/${process.pid}-${randomBytes(5).toString('hex')}/`;
  const close = (): Promise<void> => server.close();
  return { url: server.url, topicPrefix, close, [Symbol.asyncDispose]: close };
}
