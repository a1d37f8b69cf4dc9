import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeenZones } from '../src/seen-zones.ts';

/** Which of the ids of one cycle were found to come for the first time. */
function firstsOf(seen: SeenZones, ids: readonly string[]): boolean[] {
  seen.begin();
  return ids.map((id) => seen.isFirst(id));
}

describe('SeenZones', () => {
  it('finds what comes twice in a cycle, whatever the cycles before have given', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const cycles = fc.array(fc.record({ ids: fc.array(id), isRead: fc.boolean() }));
    fc.assert(
      fc.property(cycles, (given) => {
        const seen = new SeenZones();
        for (const { ids, isRead } of given) {
          expect(firstsOf(seen, ids)).toEqual(ids.map((one, at) => ids.indexOf(one) === at));
          if (isRead) seen.end();
        }
      }),
    );
  });

  it('finds a zone that comes again where another was before', () => {
    const seen = new SeenZones();
    firstsOf(seen, ['a', 'b', 'c']);
    seen.end();

    expect(firstsOf(seen, ['a', 'b', 'a', 'c'])).toEqual([true, true, false, true]);
  });

  it('does not grow while each read gives other zones and fails', () => {
    const seen = new SeenZones();
    for (let cycle = 0; cycle < 100; cycle += 1) firstsOf(seen, [`a-${cycle}`, `b-${cycle}`]);

    expect(seen.size).toBe(2);
  });

  it('forgets the zones that a source no longer gives', () => {
    const seen = new SeenZones();
    firstsOf(seen, ['a', 'b', 'c']);
    seen.end();
    firstsOf(seen, ['a']);
    seen.end();

    expect(seen.size).toBe(1);
  });
});
