import { expect, it } from 'vitest';
import { databaseUrl } from '../src/index.ts';

it('prefers the flag to the environment, of which empty is none', () => {
  expect(databaseUrl('postgres://flag/db', 'postgres://environment/db')).toBe('postgres://flag/db');
  expect(databaseUrl(undefined, 'postgresql://environment/db')).toBe('postgresql://environment/db');
  expect(databaseUrl(undefined, '')).toBeUndefined();
  expect(databaseUrl(undefined, undefined)).toBeUndefined();
});

it.each([
  ['--url', '', 'postgres://environment/db'],
  ['--url', 'mysql://u:secret@host/db', undefined],
  ['DATABASE_URL', undefined, 'host=secret'],
])(
  'refuses what is no URL of PostgreSQL in %s, and does not repeat it',
  (name, flag, environment) => {
    const message = `${name} must be a URL that begins with postgres:// or postgresql://`;
    expect(() => databaseUrl(flag, environment)).toThrow(new TypeError(message));
  },
);
