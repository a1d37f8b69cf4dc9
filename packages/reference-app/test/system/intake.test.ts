import { createDeferred } from '@holdfast/internal';
import { createTestMqtt, type TestMqtt } from '@holdfast/testkit';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectMqtt } from '../../src/system/connect.ts';
import { createIntake, type QueuedMessage } from '../../src/system/intake.ts';
import { nodeTopic, nodeTopicFilter } from '../../src/system/wire.ts';

let broker: TestMqtt;
let nextRoot = 0;

beforeAll(async () => {
  broker = await createTestMqtt();
});
afterAll(() => broker.close());

type Receive = (topic: string, payload: Buffer | string) => Promise<void>;

/** A session that the broker keeps, with what is unacknowledged in it, when the connection is lost. */
function connectSession(clientId: string, receive: Receive): Promise<MqttClient> {
  const session = { clientId, receive };
  return connectMqtt(broker.url, () => undefined, { protocolVersion: 5, session });
}

const lose = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => {
    client.options.reconnectPeriod = 0;
    client.once('close', () => resolve());
    client.stream.destroy();
  });

async function publish(topic: string, body: string): Promise<void> {
  const device = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  await device.publishAsync(topic, body, { qos: 1 });
  await device.endAsync();
}

describe('createIntake', () => {
  it('acknowledges a message only when the queue holds it: one that it does not hold is sent again', async () => {
    const root = `${broker.topicPrefix}${(nextRoot += 1)}`;
    const offered = createDeferred<QueuedMessage>();
    const stuck = createIntake({
      root,
      sink: {
        add: (message) => {
          offered.resolve(message);
          return new Promise(() => undefined);
        },
      },
    });
    const first = await connectSession(`${root}-intake`, stuck.receive);
    await stuck.start(first);
    await publish(nodeTopic(root, 'a', 'hello'), '{}');
    await offered.promise;
    await lose(first);

    const held: QueuedMessage[] = [];
    const redelivered = createDeferred<void>();
    const intake = createIntake({
      root,
      sink: {
        add: (message) => {
          held.push(message);
          redelivered.resolve();
          return Promise.resolve();
        },
      },
    });
    const second = await connectSession(`${root}-intake`, intake.receive);
    await intake.start(second);
    await redelivered.promise;
    await intake.close();
    await second.endAsync();

    expect(held).toEqual([{ kind: 'hello', uid: 'a', body: '{}' }]);
  });

  it('would lose it if it were acknowledged on receipt, which is the negative control', async () => {
    const root = `${broker.topicPrefix}${(nextRoot += 1)}`;
    const topic = nodeTopic(root, 'a', 'hello');
    const received = createDeferred<void>();
    const first = await connectSession(`${root}-naive`, () => {
      received.resolve();
      return Promise.resolve();
    });
    await first.subscribeAsync(nodeTopicFilter(root, 'hello'), { qos: 1 });
    await publish(topic, '"lost"');
    await received.promise;
    // Its answer comes after the acknowledgement of the message has reached the broker.
    await first.subscribeAsync(`${root}/other`, { qos: 1 });
    await lose(first);

    const bodies: string[] = [];
    const end = createDeferred<void>();
    const second = await connectSession(`${root}-naive`, (_topic, payload) => {
      bodies.push(payload.toString());
      if (payload.toString() === '"end"') end.resolve();
      return Promise.resolve();
    });
    await publish(topic, '"end"');
    await end.promise;
    await second.endAsync();

    expect(bodies).not.toContain('"lost"');
  });

  it('offers a message again while the queue does not take it, in the order of arrival', async () => {
    const root = `${broker.topicPrefix}${(nextRoot += 1)}`;
    const held: string[] = [];
    const waits: number[] = [];
    const done = createDeferred<void>();
    let refusals = 2;
    const intake = createIntake({
      root,
      sink: {
        add: ({ body }) => {
          if (refusals > 0) {
            refusals -= 1;
            return Promise.reject(new Error('the queue is full'));
          }
          held.push(body);
          if (held.length === 3) done.resolve();
          return Promise.resolve();
        },
      },
    });
    intake.on('waiting', ({ attempt }) => waits.push(attempt));
    const client = await connectSession(`${root}-intake`, intake.receive);
    await intake.start(client);

    for (const body of ['1', '2', '3']) await publish(nodeTopic(root, 'a', 'telemetry'), body);
    await done.promise;
    await intake.close();
    await client.endAsync();

    expect(held).toEqual(['1', '2', '3']);
    expect(waits).toEqual([1, 2]);
  });

  it('refuses a topic that is no uid, and goes on', async () => {
    const root = `${broker.topicPrefix}${(nextRoot += 1)}`;
    const refused: string[] = [];
    const done = createDeferred<QueuedMessage>();
    const intake = createIntake({
      root,
      sink: {
        add: (message) => {
          done.resolve(message);
          return Promise.resolve();
        },
      },
    });
    intake.on('refused', ({ reason }) => refused.push(reason));
    const client = await connectSession(`${root}-intake`, intake.receive);
    await intake.start(client);

    await publish(`${root}/node/%00/hello`, '{}');
    await publish(nodeTopic(root, 'good', 'hello'), '{}');

    expect((await done.promise).uid).toBe('good');
    expect(refused).toEqual(['topic']);
    await intake.close();
    await client.endAsync();
  });
});
