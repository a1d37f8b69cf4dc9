import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/controllers/budget.ts';

describe('createBudget', () => {
  it('gives each what it asks for while it is enough', () => {
    const budget = createBudget({ max: 10 });
    expect(budget.register('zones').request(4)).toBe(4);
    expect(budget.register('reports').request(6)).toBe(6);
  });

  it('shares what is short: the modest one gets all it wants, the others the same', () => {
    const budget = createBudget({ max: 10 });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => budget.register(name));
    a!.request(2);
    b!.request(50);
    c!.request(50);
    expect([a!.granted, b!.granted, c!.granted]).toEqual([2, 4, 4]);
  });

  it('shares by weight', () => {
    const budget = createBudget({ max: 12 });
    const heavy = budget.register('heavy', { weight: 2 });
    const light = budget.register('light');
    heavy.request(100);
    light.request(100);
    expect([heavy.granted, light.granted]).toEqual([8, 4]);
  });

  it('lets nobody take a slot before another has given it back, and tells who may', () => {
    const budget = createBudget({ max: 4 });
    const [a, b] = [budget.register('a'), budget.register('b')];
    const woken: string[] = [];
    a.watch(() => woken.push('a'));
    b.watch(() => woken.push('b'));
    a.request(4);
    for (let n = 0; n < 3; n += 1) a.take();
    expect([a.granted, a.hasRoom, b.hasRoom]).toEqual([3, false, true]);
    b.take();
    b.request(4);

    // Half is granted to it, which the other has not given back.
    expect([a.granted, b.granted, b.hasRoom]).toEqual([2, 2, false]);
    a.giveBack();

    expect(woken).toEqual(['b']);
    expect([a.hasRoom, b.hasRoom]).toEqual([false, true]);
    b.release();
    b.release();
    expect([a.granted, b.granted, a.hasRoom]).toEqual([4, 0, true]);
  });

  it.each([
    [() => createBudget({ max: 0 }), 'max must be an integer of at least 1, got 0'],
    [() => createBudget({ max: 1 }).register('a', { weight: 0 }), 'weight must be above 0, got 0'],
    [() => createBudget({ max: 1 }).register(''), 'name must be a non-empty string, got ""'],
    [
      () => createBudget({ max: 1 }).register('a').request(0),
      'slots must be an integer of at least 1, got 0',
    ],
  ])('refuses %o', (wrong, message) => {
    expect(wrong).toThrow(message);
  });

  it('refuses a name twice, and more shares than slots', () => {
    const budget = createBudget({ max: 2 });
    budget.register('a');
    expect(() => budget.register('a')).toThrow('there is a share of the name "a" already');
    budget.register('b');
    expect(() => budget.register('c')).toThrow('all 2 slots have a share each');
  });

  it('is max-min fair whatever is asked for: nobody gets more at the cost of one that has less', () => {
    const share = fc.record({
      wanted: fc.integer({ min: 1, max: 60 }),
      weight: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(share, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 8, max: 100 }),
        (wishes, max) => {
          const budget = createBudget({ max });
          const shares = wishes.map(({ weight }, n) => budget.register(`s${n}`, { weight }));
          wishes.forEach(({ wanted }, n) => shares[n]!.request(wanted));
          const all = wishes.map((wish, n) => ({ ...wish, granted: shares[n]!.granted }));
          const sum = all.reduce((total, { granted }) => total + granted, 0);
          const wanted = all.reduce((total, one) => total + one.wanted, 0);

          expect(sum).toBe(Math.min(max, wanted));
          for (const one of all) {
            expect(one.granted).toBeGreaterThanOrEqual(1);
            expect(one.granted).toBeLessThanOrEqual(one.wanted);
            if (one.granted === one.wanted) continue;
            for (const richer of all) {
              // With one slot more it would have at least as much for its weight as any other that has more than its one.
              if (richer.granted > 1) {
                expect((one.granted + 1) / one.weight).toBeGreaterThanOrEqual(
                  richer.granted / richer.weight - 1e-9,
                );
              }
            }
          }
        },
      ),
    );
  });
});
