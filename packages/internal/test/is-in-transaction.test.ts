import { expect, test } from 'vitest';
import { isInTransaction } from '@holdfast/internal';

/** A client that notes what it is asked, and answers with `failure` when there is one. */
function clientThat(failure?: unknown) {
  const asked: string[] = [];
  return {
    asked,
    query: async (text: string): Promise<unknown> => {
      asked.push(text);
      if (failure !== undefined) throw failure;
      return {};
    },
  };
}

test.each(['T', 'E'])('believes a driver that knows of one: %s', async (known) => {
  const client = { ...clientThat(), status: known };
  const getTransactionStatus = function (this: typeof client) {
    return this.status;
  };

  expect(await isInTransaction(Object.assign(client, { getTransactionStatus }))).toBe(true);
  expect(client.asked).toEqual([]);
});

test.each(['I', null, undefined])(
  'asks the server when the driver says %s, for a BEGIN may be on its way',
  async (known) => {
    const client = { ...clientThat(), getTransactionStatus: () => known };

    expect(await isInTransaction(client)).toBe(true);
    expect(client.asked).toEqual(['SAVEPOINT holdfast_begun', 'RELEASE SAVEPOINT holdfast_begun']);
  },
);

test('takes a refusal of the savepoint for the answer that there is none', async () => {
  expect(await isInTransaction(clientThat({ code: '25P01' }))).toBe(false);
});

test.each([new Error('no connection'), { code: '25P02' }, null])(
  'passes on what else the driver rejects with: %o',
  async (failure) => {
    await expect(isInTransaction(clientThat(failure))).rejects.toBe(failure);
  },
);
