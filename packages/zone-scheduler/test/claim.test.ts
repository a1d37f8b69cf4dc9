import { expect, it } from 'vitest';
import {
  adaptive,
  allZones,
  createBudget,
  createZoneScheduler,
  staticShards,
} from '../src/index.ts';
import { done, zonesOf } from './set-up.ts';

const PARTS = [
  ['controller', () => ({ controller: adaptive() })],
  ['budget', () => ({ budget: createBudget({ max: 8 }).register('zones') })],
  ['shards', () => ({ shards: staticShards({ id: 0, total: 1 }) })],
] as const;
const base = { zones: () => zonesOf(['a']), handler: done };

const refusalOf = (name: string): TypeError =>
  new TypeError(`${name} must be of this scheduler alone, got one that another has`);

it.each(PARTS)('refuses a %s that another scheduler has', async (name, make) => {
  const part = make();
  const first = createZoneScheduler({ ...base, ...part });

  expect(() => createZoneScheduler({ ...base, ...part })).toThrow(refusalOf(name));

  expect((await first.runCycle()).outcome).toBe('ok');
  await first.close();
});

it('runs with the controller of one that was closed, and with no other part of it', async () => {
  const [controller, shards] = [adaptive(), staticShards({ id: 0, total: 1 })];
  const budget = createBudget({ max: 8 }).register('zones');
  const first = createZoneScheduler({ ...base, controller, shards, budget });
  await first.runCycle();
  await first.close();

  expect(() => createZoneScheduler({ ...base, shards })).toThrow(refusalOf('shards'));
  expect(() => createZoneScheduler({ ...base, budget })).toThrow(refusalOf('budget'));
  const next = createZoneScheduler({ ...base, controller });

  expect((await next.runCycle()).outcome).toBe('ok');
  await next.close();
});

it('takes nothing for a scheduler that is refused', async () => {
  const [controller, shards] = [adaptive(), allZones()];
  const first = createZoneScheduler({ ...base, shards });

  expect(() => createZoneScheduler({ ...base, controller, shards })).toThrow('shards must be');
  expect(() => createZoneScheduler({ ...base, controller, cycleMs: 0 })).toThrow('cycleMs must be');
  // Without types null stands for what is not given.
  const none = null as unknown as undefined;
  const second = createZoneScheduler({ ...base, controller, shards: none });

  expect((await second.runCycle()).outcome).toBe('ok');
  await Promise.all([first.close(), second.close()]);
});

it('gives a controller back also when the shards cannot be', async () => {
  const controller = adaptive();
  const shards = { ...allZones(), close: () => Promise.reject(new Error('no server')) };
  const first = createZoneScheduler({ ...base, controller, shards });
  await first.runCycle();

  await expect(first.close()).rejects.toThrow('no server');

  const next = createZoneScheduler({ ...base, controller });
  await next.close();
});
