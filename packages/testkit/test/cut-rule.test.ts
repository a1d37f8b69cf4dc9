import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCutter, type CutRule } from '../src/cut-rule.ts';

/** Feeds a text in pieces and returns what passed, with `|` where the cut was. */
function run(rule: CutRule, pieces: readonly string[]): string {
  const cutter = createCutter(rule);
  let passed = '';
  for (const piece of pieces) {
    const step = cutter.push(Buffer.from(piece));
    passed += step.pass.toString();
    if (step.isCut) return `${passed}|`;
  }
  return passed + cutter.rest().toString();
}

describe('createCutter', () => {
  it.each<[CutRule, string[], string]>([
    [{ afterBytes: 3 }, ['ab', 'cd'], 'abc|'],
    [{ afterBytes: 4 }, ['abcd'], 'abcd|'],
    [{ afterBytes: 5 }, ['ab', 'cd'], 'abcd'],
    [{ pattern: 'COMMIT', when: 'before' }, ['xxCOM', 'MITyy'], 'xx|'],
    [{ pattern: 'COMMIT', when: 'after' }, ['xxCOM', 'MITyy'], 'xxCOMMIT|'],
    [{ pattern: 'COMMIT', when: 'before' }, ['xxCOM', 'yy'], 'xxCOMyy'],
    [{ pattern: 'aab', when: 'before' }, ['aa', 'aab'], 'aa|'],
    [{ pattern: 'aab', when: 'after' }, ['aa', 'aab', 'c'], 'aaaab|'],
    [{ pattern: 'x', when: 'before' }, ['x'], '|'],
  ])('%j on %j passes %j', (rule, pieces, expected) => {
    expect(run(rule, pieces)).toBe(expected);
  });

  it('cuts at the same place however the stream is split into pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), pattern, (pieces, wanted) => {
        const whole = pieces.join('');
        const index = whole.indexOf(wanted);
        const before = index < 0 ? whole : `${whole.slice(0, index)}|`;
        const after = index < 0 ? whole : `${whole.slice(0, index + wanted.length)}|`;
        expect(run({ pattern: wanted, when: 'before' }, pieces)).toBe(before);
        expect(run({ pattern: wanted, when: 'after' }, pieces)).toBe(after);
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses a rule that cannot be met', () => {
    expect(() => createCutter({ afterBytes: -1 })).toThrow(
      'afterBytes must be an integer of at least 0, got -1',
    );
    expect(() => createCutter({ pattern: '', when: 'after' })).toThrow('pattern must not be empty');
  });
});
