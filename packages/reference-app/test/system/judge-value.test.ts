import { expect, it } from 'vitest';
import { judgeValue } from '../../src/system/judge-value.ts';

it.each([
  [1.5, { ok: true, value: 1.5 }],
  [true, { ok: true, value: 1 }],
  [false, { ok: true, value: 0 }],
  [null, { ok: false, reason: 'null' }],
  ['NaN', { ok: false, reason: 'not-a-number' }],
  ['5', { ok: false, reason: 'not-a-number' }],
  [{}, { ok: false, reason: 'not-a-number' }],
  [Infinity, { ok: false, reason: 'not-a-number' }],
])('judges %s', (raw, verdict) => {
  expect(judgeValue(raw)).toEqual(verdict);
});
