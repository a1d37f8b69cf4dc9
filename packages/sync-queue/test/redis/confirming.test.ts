import type { RedisLike } from '@holdfast/sync-queue/redis';
import { expect, test } from 'vitest';
import { requireDurable, startConfirming } from '../../src/redis/durability.ts';

/*
 * On servers that answer what the test says; real ones are in the tests of durability.
 */

const REPLICA = { kind: 'replica', replicas: 1, timeoutMs: 100 } as const;

/** A server whose connection tells each of `infos` once, and that has as many replicas as it is asked for. */
function answering(...infos: readonly string[]): RedisLike {
  const left = [...infos];
  return {
    callBuffer: (command, ...args) =>
      Promise.resolve(command === 'CLIENT' ? Buffer.from(left.shift() ?? '') : args[0]),
  };
}

function failing(command: string, text: string): RedisLike {
  const error = Object.assign(new Error(text), { name: 'ReplyError' });
  const others = answering('id=3 addr=10.0.0.1:7001 age=1');
  return {
    callBuffer: (given, ...args) =>
      given === command ? Promise.reject(error) : others.callBuffer(given, ...args),
  };
}

const BY_TCP = 'id=3 addr=10.0.0.1:7001 laddr=10.0.0.2:6379 fd=8 name= age=';
/** A client has no port there, and a server that begins anew counts its clients from 1 again. */
const BY_FILE = 'id=3 addr=/run/redis.sock:0 laddr=/run/redis.sock:0 fd=8 name= age=';

test.each([BY_TCP, BY_FILE])('what the same connection confirms counts: %s', async (info) => {
  const confirm = startConfirming(answering(`${info}9 idle=0`, `${info}10 idle=0`), REPLICA);
  await confirm();
});

test.each([
  ['another number', `${BY_TCP}9`, `${BY_TCP.replace('id=3', 'id=4')}9`],
  ['another port', `${BY_TCP}9`, `${BY_TCP.replace(':7001', ':7002')}9`],
  ['the same names, and is younger', `${BY_FILE}9`, `${BY_FILE}0`],
])('what a connection confirms that has %s does not', async (_, written, confirming) => {
  const confirm = startConfirming(answering(written, confirming), REPLICA);

  await expect(confirm()).rejects.toMatchObject({
    outcome: 'unknown',
    message: expect.stringContaining('the connection has changed') as string,
  });
});

test('what fails behind the write does not say that it was not made', async () => {
  const confirm = startConfirming(failing('CLIENT', 'NOPERM no permission'), REPLICA);

  await expect(confirm()).rejects.toMatchObject({ outcome: 'unknown' });
});

test.each([
  ['CLIENT', 'CLIENT INFO'],
  ['WAIT', 'WAIT'],
])('a server that refuses %s cannot promise anything', async (command, told) => {
  const client = failing(command, `NOPERM this user has no permissions to run it`);

  await expect(requireDurable(client, REPLICA)).rejects.toMatchObject({
    code: 'STORE_NOT_DURABLE',
    message: expect.stringContaining(`${told} is refused: NOPERM`) as string,
  });
});

test('a server that does not tell which connection it is cannot either', async () => {
  await expect(requireDurable(answering('name=x'), REPLICA)).rejects.toMatchObject({
    code: 'STORE_NOT_DURABLE',
    message: expect.stringContaining('CLIENT INFO does not tell id, addr and age') as string,
  });
});

test('a server that is loading is asked again later', async () => {
  const client = failing('WAIT', 'LOADING Redis is loading the dataset in memory');

  await expect(requireDurable(client, REPLICA)).rejects.toMatchObject({ code: 'STORE_FAILED' });
});
