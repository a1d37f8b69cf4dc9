import { expect, it } from 'vitest';
import { createZoneScheduler, type ZoneSchedulerOptions } from '../src/index.ts';

const right: ZoneSchedulerOptions = { zones: () => [], handler: () => Promise.resolve(), limit: 1 };

const cases: [object, string][] = [
  [{ zones: [] }, 'zones must be a function, got an array'],
  [{ handler: undefined }, 'handler must be a function, got undefined'],
  [{ limit: undefined }, 'limit must be an integer of at least 1, got undefined'],
  [{ limit: 0 }, 'limit must be an integer of at least 1, got 0'],
  [{ limit: Infinity }, 'limit must be an integer of at least 1, got Infinity'],
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
