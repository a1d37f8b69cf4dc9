import { expect, it } from 'vitest';
import {
  createBudget,
  createZoneScheduler,
  shardOf,
  staticShards,
  type Controller,
  type ZoneSchedulerOptions,
} from '../src/index.ts';
import { postgresShardRegistry, postgresShards } from '../src/postgres.ts';

const right: ZoneSchedulerOptions = { zones: () => [], handler: () => Promise.resolve() };

/** A controller that is right but for this. */
function odd(wrong: Partial<Controller>): Controller {
  const none = (): void => undefined;
  const parts = { probe: none, plan: none, observe: none, snapshot: none, restore: none };
  const explain = (): never => {
    throw new Error('not called');
  };
  return { ...parts, explain, max: 5, limit: 1, probeZones: 0, windowMs: 1_000, ...wrong };
}

const cases: [object, string][] = [
  [{ zones: [] }, 'zones must be a function, got an array'],
  [{ handler: undefined }, 'handler must be a function, got undefined'],
  [{ limit: 5 }, 'limit is not an option of createZoneScheduler'],
  [{ controller: 5 }, 'controller must be an object, got 5'],
  [{ shards: 'all' }, 'shards must be an object, got a string'],
  [{ targetFraction: 1.1 }, 'targetFraction must be above 0 and at most 1, got 1.1'],
  [{ targetFraction: 0 }, 'targetFraction must be above 0 and at most 1, got 0'],
  [{ overrun: 'queue' }, 'overrun must be one of defer, skip, finish, got "queue"'],
  [{ suspects: true }, 'suspects must be an object, got true'],
  [{ suspects: { share: 1 } }, 'suspects.share is not an option'],
  [{ suspects: { maxSlots: 0 } }, 'suspects.maxSlots must be an integer of at least 1, got 0'],
  [{ quarantine: { failures: 0 } }, 'quarantine.failures must be an integer of at least 1, got 0'],
  [
    { quarantine: { baseCycles: 5, maxCycles: 4 } },
    'quarantine.maxCycles must be an integer of at least 5, got 4',
  ],
  [
    { quarantine: { maxFraction: 2 } },
    'quarantine.maxFraction must be a finite number from 0 to 1',
  ],
  [{ breaker: { sample: 0 } }, 'breaker.sample must be an integer of at least 1, got 0'],
  [{ breaker: { failureRate: -1 } }, 'breaker.failureRate must be above 0 and at most 1, got -1'],
  [
    { alerts: { critical: 0.05 } },
    'alerts.critical must be a finite number from 0.1 to 1, got 0.05',
  ],
  [{ classify: {} }, 'classify must be a function, got an object'],
  [{ maxReadAhead: 0 }, 'maxReadAhead must be an integer of at least 1, got 0'],
  [{ random: 4 }, 'random must be a function, got 4'],
  [{ cycleMs: 0 }, 'cycleMs must be an integer of at least 1, got 0'],
  [{ timeoutMs: '5s' }, 'timeoutMs must be an integer of at least 1, got "5s"'],
  [{ timeoutMs: -1 }, 'timeoutMs must be an integer of at least 1, got -1'],
  [{ maxZombies: -1 }, 'maxZombies must be an integer of at least 0, got -1'],
  [{ maxReportedFailures: 1.5 }, 'maxReportedFailures must be an integer of at least 0, got 1.5'],
  [{ controller: {} }, 'controller.probe must be a function, got undefined'],
  [{ controller: odd({ max: NaN }) }, 'controller.max must be an integer of at least 1, got NaN'],
  [
    { controller: odd({ probeZones: -1 }) },
    'controller.probeZones must be an integer of at least 0, got -1',
  ],
  [
    { controller: odd({ windowMs: NaN }) },
    'controller.windowMs must be a finite number of at least 1, got NaN',
  ],
  [{ shards: {} }, 'shards.start must be a function, got undefined'],
  [{ budget: createBudget({ max: 2 }) }, 'budget.request must be a function, got undefined'],
  [{ clock: { now: () => 0 } }, 'clock.wallNow must be a function, got undefined'],
  [{ clock: () => 0 }, 'clock must be an object, got a function'],
];

it.each(cases)('refuses the wrong option %o at once', (wrong, message) => {
  expect(() => createZoneScheduler({ ...right, ...wrong })).toThrow(message);
});

it('refuses options that are no object', () => {
  expect(() => createZoneScheduler(7 as never)).toThrow(
    new TypeError('options must be an object, got 7'),
  );
});

it.each([
  [{ timeoutMs: -1 }, 'timeoutMs must be an integer of at least 0, got -1'],
  [5, 'options must be an object, got 5'],
  [{ timeout: 5 }, 'timeout is not an option of close; its options are timeoutMs'],
])('refuses to close with %o, at once, and stays open', async (wrong, message) => {
  const scheduler = createZoneScheduler(right);

  expect(() => void scheduler.close(wrong as never)).toThrow(message);

  await expect(scheduler.runCycle()).resolves.toMatchObject({ cycle: 1 });
  await scheduler.close();
});

it('takes an explicit undefined as the default', async () => {
  const scheduler = createZoneScheduler({
    ...right,
    cycleMs: undefined,
    timeoutMs: undefined,
    maxZombies: undefined,
    maxReportedFailures: undefined,
    clock: undefined,
  });

  await expect(scheduler.close({ timeoutMs: undefined })).resolves.toMatchObject({ zombies: [] });
});

const createClient = (): never => {
  throw new Error('not called');
};

it.each<[string, () => unknown, string]>([
  [
    'createBudget',
    () => createBudget({ max: 2, min: 1 } as never),
    'min is not an option of createBudget; its options are max',
  ],
  [
    'register',
    () => createBudget({ max: 2 }).register('a', { share: 1 } as never),
    'options.share is not an option',
  ],
  [
    'giveBack',
    () => createBudget({ max: 2 }).register('a').giveBack(),
    'no slot of the share "a" is taken',
  ],
  [
    'staticShards',
    () => staticShards({ id: 0, total: 2, registry: {} as never }),
    'registry.start must be a function, got undefined',
  ],
  ['shardOf', () => shardOf('a', 0), 'total must be an integer of at least 1, got 0'],
  [
    'postgresShardRegistry',
    () => postgresShardRegistry({ createClient, group: 'g', install: 'yes' as never }),
    'install must be a boolean, got "yes"',
  ],
  [
    'postgresShards',
    () => postgresShards({ createClient, group: 'g', clock: {} as never }),
    'clock.now must be a function, got undefined',
  ],
  [
    'start of shards',
    () => postgresShards({ createClient, group: 'g' }).start(undefined as never),
    'host must be an object, got undefined',
  ],
])('refuses at once what is wrong for %s', (_, call, message) => {
  expect(call).toThrow(message);
});
