import { createHash } from 'node:crypto';
import { StoreFailedError } from '../errors.ts';
import { textOf } from '../text-of.ts';

/** What the store needs of a client; `ioredis` has this shape, with `Redis` and `Cluster`. */
export interface RedisLike {
  callBuffer(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
  /** Of a Cluster: a client for each node. */
  nodes?(role: 'master'): readonly RedisLike[];
  /** Another connection with other options; a Cluster takes its nodes before them. */
  duplicate?(...args: readonly unknown[]): BlockingRedis;
}

/** A connection of the store's own. */
export interface BlockingRedis extends RedisLike {
  on(event: 'error', listener: (error: unknown) => void): unknown;
  disconnect(): void;
}

export type Argument = string | number | Uint8Array;

/** Runs one script by its hash, and by its text when the server does not know it (yet, or after a restart). */
export class Script {
  readonly #text: string;
  readonly #hash: string;

  constructor(text: string) {
    this.#text = text;
    this.#hash = createHash('sha1').update(text).digest('hex');
  }

  /**
   * @param argsWhenLate gives other arguments when the server did not know it, so that it runs behind the calls that were
   *   made meanwhile.
   * @throws {StoreFailedError}
   */
  async run(
    client: RedisLike,
    { keys, args }: { readonly keys: readonly string[]; readonly args: readonly Argument[] },
    argsWhenLate = () => args,
  ): Promise<unknown> {
    const rest = (some: readonly Argument[]): readonly (string | Buffer | number)[] => [
      ...[keys.length, ...keys],
      ...some.map(toWire),
    ];
    try {
      try {
        return await client.callBuffer('EVALSHA', this.#hash, ...rest(args));
      } catch (error) {
        if (!textOf(error).startsWith('NOSCRIPT')) throw error;
        return await client.callBuffer('EVAL', this.#text, ...rest(argsWhenLate()));
      }
    } catch (error) {
      throw redisFailure(error);
    }
  }
}

/** Tells failures that happened before the server did anything from those that leave it open. */
export function redisFailure(error: unknown): StoreFailedError {
  // A script is refused as a whole, by name ReplyError; it does not fail half way.
  const isRefused = error instanceof Error && error.name === 'ReplyError';
  const wasNotSent = textOf(error).includes('enableOfflineQueue');
  // ioredis notes the call with all that it says: payloads, keys, the password of a login. Causes are logged.
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return new StoreFailedError(isRefused || wasNotSent ? 'not-applied' : 'unknown', error);
}

function toWire(argument: Argument): string | Buffer {
  if (typeof argument !== 'object') return String(argument);
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}
