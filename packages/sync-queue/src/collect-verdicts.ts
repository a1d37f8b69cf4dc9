import type { Verdict } from './adding.ts';

/**
 * Submits each and resolves, in their order, when it is known of all what became of them: one promise for many, which
 * costs less than one of each. Rejects as soon as one is given up.
 */
export function collectVerdicts<P>(
  prepared: readonly P[],
  submit: (
    each: P,
    told: { readonly tell: (verdict: Verdict) => void; readonly giveUp: (reason: unknown) => void },
  ) => void,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let left = prepared.length;
  return new Promise((resolve, giveUp) => {
    prepared.forEach((each, index) => {
      const tell = (verdict: Verdict): void => {
        verdicts[index] = verdict;
        left -= 1;
        if (left === 0) resolve(verdicts);
      };
      submit(each, { tell, giveUp });
    });
  });
}
