import { expect, it } from 'vitest';
import { createZoneScheduler, type ZoneSchedulerOptions } from '../src/index.ts';

const right: ZoneSchedulerOptions = { zones: () => [], handler: () => Promise.resolve() };

const cases: [object, string][] = [
  [{ zones: [] }, 'zones must be a function, got an array'],
  [{ handler: undefined }, 'handler must be a function, got undefined'],
  [{ limit: 5 }, 'limit is not an option of createZoneScheduler'],
  [{ controller: 5 }, 'controller must be an object, got 5'],
  [{ shards: 'all' }, 'shards must be an object, got a string'],
  [{ targetFraction: 1.1 }, 'targetFraction must be a finite number of at most 1, got 1.1'],
  [{ targetFraction: 0 }, 'targetFraction must be a number above 0 and at most 1, got 0'],
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
  [{ breaker: { failureRate: -1 } }, 'breaker.failureRate must be a number above 0'],
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
