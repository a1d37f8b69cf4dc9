import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OperatorError, explainToOperator, withDatabase } from '../src/index.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const settings = (): Parameters<typeof withDatabase>[0] => ({
  ...{ url: database.url, applicationName: 'garden', max: 1 },
});

const sessions = async (): Promise<unknown> =>
  (await database.pool.query("SELECT FROM pg_stat_activity WHERE application_name = 'garden'"))
    .rowCount;

it('gives a pool with the name of the program, and ends it', async () => {
  expect(await withDatabase(settings(), () => Promise.resolve(1))).toBe(1);
  const during = await withDatabase(settings(), async (pool) => {
    await pool.query('SELECT 1');
    return sessions();
  });

  expect(during).toBe(1);
  await expect.poll(sessions).toBe(0);
});

it('explains what fails with the place of the server, or as it is told to', async () => {
  const fail = (): Promise<never> =>
    withDatabase(settings(), (pool) => pool.query('SELEC') as never);
  const { host } = new URL(database.url);

  await expect(fail()).rejects.toThrow(
    new OperatorError(`PostgreSQL at ${host} says: syntax error at or near "SELEC" (42601)`),
  );
  const explain = (error: unknown): string => `no: ${(error as Error).message}`;
  const bug = withDatabase({ ...settings(), explain }, () => Promise.reject(new Error('a bug')));
  await expect(bug).rejects.toThrow(new OperatorError('no: a bug'));
});

it('passes on what is an error for the operator already', async () => {
  const error = new OperatorError('half done', { exitCode: 1 });

  await expect(withDatabase(settings(), () => Promise.reject(error))).rejects.toBe(error);
  expect([error.exitCode, new OperatorError('nothing done').exitCode]).toEqual([1, 2]);
});

it('ends a query that takes longer than queryTimeoutMs', async () => {
  const slow = withDatabase({ ...settings(), queryTimeoutMs: 50 }, (pool) =>
    pool.query('SELECT pg_sleep(30)'),
  );

  await expect(slow).rejects.toThrow('Query read timeout');
});

it('says which settings the driver cannot use', async () => {
  const url = 'postgres://u:secret@localhost/db?sslrootcert=/nowhere';

  await expect(withDatabase({ ...settings(), url }, () => Promise.resolve())).rejects.toThrow(
    /^pg cannot use these connection settings: ENOENT: .* '\/nowhere'$/,
  );
});

it.each([
  [{ code: '28P01', message: 'of user u' }, 'PostgreSQL refused the login (28P01)'],
  [new Error('SASL: no password'), 'PostgreSQL refused the login: is there a password?'],
  [new Error('timeout expired'), 'PostgreSQL did not answer within 5 s'],
  [
    new Error('Connection terminated due to connection timeout'),
    'PostgreSQL did not answer within 5 s',
  ],
  [Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'cannot reach PostgreSQL: ECONNREFUSED'],
  [Object.assign(new Error('write'), { code: 'EPIPE' }), 'cannot reach PostgreSQL: EPIPE'],
  [new Error('a\n  b'), 'cannot reach PostgreSQL: a b'],
])('%o is explained', (error, sentence) => {
  expect(explainToOperator(error)).toBe(sentence);
});
