import { expect, it } from 'vitest';
import { done, hang, setUp, zonesOf } from './set-up.ts';

it.each<[string, () => never[] | Promise<never[]>]>([
  [
    'throws',
    () => {
      throw new Error('no list');
    },
  ],
  ['never answers', () => hang() as Promise<never>],
])(
  'a source that %s makes no cycle ok, and its zones stale until it is read again',
  async (_, failing) => {
    let isFailing = false;
    const { clock, scheduler, reports } = setUp([], {
      zones: () => (isFailing ? failing() : zonesOf(['a', 'b'])),
      handler: done,
      alerts: { staleCycles: 3 },
    });
    const alerts: string[] = [];
    scheduler.on('alert', ({ kind, level, message }) =>
      alerts.push(`${kind} ${level}: ${message}`),
    );
    await scheduler.start();
    await clock.advance(500);
    isFailing = true;

    await clock.advance(3_000);

    expect(reports.map(({ outcome }) => outcome)).toEqual(['ok', 'partial', 'partial', 'partial']);
    expect(reports.map(({ staleness }) => staleness.maxCycles)).toEqual([0, 1, 2, 3]);
    expect(alerts).toEqual(['stale warning: the source has not been read to its end for 3 cycles']);
    await scheduler.close();
  },
);
