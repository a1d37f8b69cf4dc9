import { simulateOutage } from '@holdfast/circuit-breaker/sim';
import { expect, test } from 'vitest';
import { timeout } from '../../src/index.ts';

const layer = { name: 'client', policy: () => timeout({ ms: 10 }) };

test.each<[string, object]>([
  [
    'client is not an option of simulateOutage; its options are clients, requestsPerSecond, layers, backend, outage, afterMs, seed',
    { client: 5 },
  ],
  [
    'backend.latency is not an option; those of backend are latencyMs, capacityPerSecond',
    { backend: { latency: undefined } },
  ],
  [
    'outage.start is not an option; those of outage are startMs, durationMs, kind',
    { outage: { start: 5 } },
  ],
  [
    'layers[1].policies is not an option; those of layers[1] are name, instances, policy',
    { layers: [layer, { ...layer, policies: [] }] },
  ],
])('says "%s"', async (message, wrong) => {
  await expect(simulateOutage({ layers: [layer], ...wrong })).rejects.toThrow(
    new TypeError(message),
  );
});
