import { countOf } from '../count-of.ts';
import { StoreFailedError, StoreNotDurableError } from '../errors.ts';
import { textOf } from '../text-of.ts';
import { redisFailure, type RedisLike } from './run-script.ts';

/**
 * When an item counts as held: `ack`, when the server has answered; `fsync`, when it is on the server's disk; `replica`,
 * when so many replicas have it, too.
 */
export type RedisDurability =
  | { readonly kind: 'ack' }
  | { readonly kind: 'fsync'; readonly timeoutMs: number; hasWaitAof: boolean }
  | { readonly kind: 'replica'; readonly replicas: number; readonly timeoutMs: number };

/** @throws {StoreNotDurableError} when the server is not set up so that it can keep the promise. */
export async function requireDurable(
  client: RedisLike,
  durability: RedisDurability,
): Promise<void> {
  if (durability.kind === 'ack') return;
  if (client.nodes !== undefined) {
    throw new StoreNotDurableError(`${durability.kind} is not offered on a Cluster`);
  }
  if (durability.kind === 'replica') {
    await requireConfirming(client, 'WAIT', 0, 1);
    return;
  }
  const info = String(await ask(client, 'INFO', 'persistence'));
  if (!/^aof_enabled:1/m.test(info)) throw new StoreNotDurableError('appendonly is off');
  const server = String(await ask(client, 'INFO', 'server'));
  const [major = 0, minor = 0] = (/^(?:redis|valkey)_version:(\S+)/m.exec(server)?.[1] ?? '')
    .split('.')
    .map(Number);
  durability.hasWaitAof = major > 7 || (major === 7 && minor >= 2);
  if (durability.hasWaitAof) {
    await requireConfirming(client, 'WAITAOF', 0, 0, 1);
    return;
  }
  const [, policy] = (await ask(client, 'CONFIG', 'GET', 'appendfsync')) as Buffer[];
  if (String(policy) !== 'always') {
    throw new StoreNotDurableError('before Redis 7.2 appendfsync must be always');
  }
}

/**
 * To be called before the write; what it returns, behind it, on the same connection: a server confirms what it has itself, so
 * another one, which a client may find when it reconnects and resends, would confirm without the write.
 *
 * @throws {StoreFailedError} when what was written may not be as durable as it should be.
 */
export function startConfirming(
  client: RedisLike,
  durability: RedisDurability,
): () => Promise<void> {
  const isAtOnce =
    durability.kind === 'ack' || (durability.kind === 'fsync' && !durability.hasWaitAof);
  if (isAtOnce) return () => Promise.resolve();
  const writing = connectionOf(client);
  // The write itself may fail before anybody asks.
  writing.catch(() => undefined);
  const wanted = durability.kind === 'fsync' ? 1 : durability.replicas;
  const what = durability.kind === 'fsync' ? 'the disk' : countOf(wanted, 'replica');
  const { timeoutMs } = durability;
  return async () => {
    const [reached, confirming, written] = await Promise.all([
      durability.kind === 'fsync'
        ? ask(client, 'WAITAOF', 1, 0, timeoutMs).then((reply) => (reply as number[])[0])
        : (ask(client, 'WAIT', wanted, timeoutMs) as Promise<number>),
      connectionOf(client),
      writing,
    ]);
    if (!isSame(written, confirming)) {
      throw new StoreFailedError('unknown', new Error(`the connection has changed before ${what}`));
    }
    if (reached !== undefined && reached >= wanted) return;
    throw new StoreFailedError('unknown', new Error(`not on ${what} within ${timeoutMs} ms`));
  };
}

/**
 * Else each add would be made, and told as one that may have been. The arguments ask for nothing to wait for.
 *
 * @throws {StoreNotDurableError | StoreFailedError}
 */
async function requireConfirming(
  client: RedisLike,
  command: string,
  ...args: number[]
): Promise<void> {
  await ask(client, command, ...args).catch(refuse(command));
  const { name, ageS } = await connectionOf(client).catch(refuse('CLIENT INFO'));
  if (name === undefined || Number.isNaN(ageS)) {
    throw new StoreNotDurableError('CLIENT INFO does not tell id, addr and age');
  }
}

/** A lack of rights, or of the command; anything else may be over the next time. */
function refuse(what: string): (error: unknown) => never {
  return (error) => {
    const { cause } = error as StoreFailedError;
    const text = textOf(cause instanceof StoreFailedError ? cause.cause : cause);
    if (!/^(?:NOPERM|ERR) /.test(text)) throw error;
    throw new StoreNotDurableError(`${what} is refused: ${text}`);
  };
}

interface Connection {
  /** Its number on the server, and the client's address there, since another server may give the same number. */
  readonly name: string | undefined;
  readonly ageS: number;
}

async function connectionOf(client: RedisLike): Promise<Connection> {
  const info = String(await ask(client, 'CLIENT', 'INFO'));
  const name = /^id=\d+ addr=\S+/.exec(info)?.[0];
  return { name, ageS: Number(/ age=(\d+)/.exec(info)?.[1] ?? NaN) };
}

/** By a socket file all clients have one address, and a server that begins anew counts them from 1: then it is younger. */
function isSame(written: Connection, confirming: Connection): boolean {
  const isNamed = written.name !== undefined && written.name === confirming.name;
  return isNamed && confirming.ageS >= written.ageS;
}

/** What fails here leaves open what became of the write before it. */
async function ask(
  client: RedisLike,
  command: string,
  ...args: (string | number)[]
): Promise<unknown> {
  try {
    return await client.callBuffer(command, ...args);
  } catch (error) {
    throw new StoreFailedError('unknown', redisFailure(error));
  }
}
