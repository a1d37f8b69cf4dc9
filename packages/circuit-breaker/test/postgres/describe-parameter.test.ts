import { expect, test } from 'vitest';
import { describeParameter } from '../../src/postgres/describe-parameter.ts';

test.each<[unknown, string, string]>([
  ['secret', 'string(6)', 'string'],
  ['', 'string(0)', 'string'],
  [42, 'number', 'number'],
  [42n, 'bigint', 'bigint'],
  [true, 'boolean', 'boolean'],
  [null, 'null', 'null'],
  [undefined, 'undefined', 'undefined'],
  [['secret', 'too'], 'array(2)', 'array'],
  [Buffer.from('secret'), 'bytes(6)', 'bytes'],
  [new Float64Array(2), 'bytes(16)', 'bytes'],
  [new Date(0), 'date', 'date'],
  [{ secret: 1 }, 'object', 'object'],
])('of %o it tells "%s", or "%s"', (value, redacted, type) => {
  expect(describeParameter(value, 'redact')).toBe(redacted);
  expect(describeParameter(value, 'types')).toBe(type);
  expect(describeParameter(value, 'show')).toBe(value);
});
