import fc from 'fast-check';
import { testSeed } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { Incident, type Severity } from '../src/incident.ts';

const OPTIONS = { forCycles: 2, clearCycles: 3, repeatMs: 60_000 };

/** One cycle each 15 s. */
function run(severities: readonly Severity[], options = OPTIONS): (string | undefined)[] {
  const incident = new Incident(options);
  return severities.map((severity, n) => incident.next(severity, n + 1, n * 15_000)?.level);
}

const none = undefined;

it.each<[string, Severity[], (string | undefined)[]]>([
  ['a warning when it lasts', ['warning', 'warning'], [none, 'warning']],
  ['nothing of one bad cycle', ['warning', 'clear', 'warning', 'clear'], [none, none, none, none]],
  ['a critical cycle at once', ['critical'], ['critical']],
  ['that it became worse', ['warning', 'warning', 'critical'], [none, 'warning', 'critical']],
  ['not that it became better', ['critical', 'warning', 'warning'], ['critical', none, none]],
  [
    'the end after three clear cycles',
    ['critical', 'clear', 'clear', 'clear'],
    ['critical', none, none, 'resolved'],
  ],
  [
    'no end while it fades',
    ['critical', 'clear', 'clear', 'fading', 'clear', 'clear'],
    ['critical', none, none, none, none, none],
  ],
  [
    'it again when it lasts long',
    Array<Severity>(6).fill('critical'),
    ['critical', none, none, none, 'critical', none],
  ],
])('tells %s', (_, severities, notices) => {
  expect(run(severities)).toEqual(notices);
});

it('says since when, and how many cycles it kept quiet about', () => {
  const incident = new Incident(OPTIONS);
  incident.next('warning', 7, 0);
  incident.next('warning', 8, 15_000);
  incident.next('warning', 9, 30_000);
  incident.next('warning', 10, 45_000);

  expect(incident.next('critical', 11, 60_000)).toEqual({
    level: 'critical',
    since: 7,
    suppressed: 2,
  });
});

it('tells an incident that flaps for an hour at most five times', () => {
  const severity = fc.constantFrom<Severity>('fading', 'warning', 'warning');

  fc.assert(
    fc.property(fc.array(severity, { minLength: 240, maxLength: 240 }), (hour) => {
      const told = run(hour, { ...OPTIONS, repeatMs: 900_000 }).filter((level) => level !== none);
      expect(told.length).toBeLessThanOrEqual(5);
    }),
    { seed: testSeed(), numRuns: 200 },
  );
});

it('ends each incident once, and begins none twice', () => {
  const severity = fc.constantFrom<Severity>('clear', 'clear', 'fading', 'warning', 'critical');

  fc.assert(
    fc.property(fc.array(severity, { maxLength: 200 }), (severities) => {
      let isOpen = false;
      for (const level of run(severities)) {
        if (level === none) continue;
        if (level === 'resolved') expect(isOpen).toBe(true);
        isOpen = level !== 'resolved';
      }
    }),
    { seed: testSeed(), numRuns: 200 },
  );
});
