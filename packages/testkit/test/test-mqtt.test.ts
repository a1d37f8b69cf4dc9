import { connectAsync } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { createTestMqtt } from '@holdfast/testkit';

describe('createTestMqtt', () => {
  it('gives a broker that speaks MQTT 5 and a topic prefix of its own', async () => {
    await using mqtt = await createTestMqtt();
    const client = await connectAsync(mqtt.url, { protocolVersion: 5 });
    const topic = `${mqtt.topicPrefix}greeting`;
    await client.subscribeAsync(topic, { qos: 1 });
    const message = new Promise<string>((resolve) =>
      client.once('message', (_topic, payload) => resolve(payload.toString())),
    );
    await client.publishAsync(topic, 'hello', { qos: 1 });
    expect(await message).toBe('hello');
    await client.endAsync();
  });
});
