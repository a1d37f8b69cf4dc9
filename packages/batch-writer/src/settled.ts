import type { Settled } from './row-outcome.ts';

export const NOTHING: Settled = Object.freeze({
  stored: 0,
  duplicate: 0,
  superseded: 0,
  rejected: 0,
});

export function sumOf(a: Settled, b: Settled): Settled {
  return combine(a, b, 1);
}

export function differenceOf(after: Settled, before: Settled): Settled {
  return combine(after, before, -1);
}

function combine(a: Settled, b: Settled, sign: 1 | -1): Settled {
  return {
    stored: a.stored + sign * b.stored,
    duplicate: a.duplicate + sign * b.duplicate,
    superseded: a.superseded + sign * b.superseded,
    rejected: a.rejected + sign * b.rejected,
  };
}
