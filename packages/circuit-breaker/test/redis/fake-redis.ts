import { EventEmitter } from 'node:events';
import type { RedisClient, RedisConnection } from '../../src/redis.ts';

export type Command = readonly (string | number)[];

/** A client whose connection answers as a test says, and that comes up and goes down when a test says so. */
export class FakeRedis extends EventEmitter implements RedisClient, RedisConnection {
  status = 'connecting';
  options: Readonly<Record<string, unknown>> = {};
  readonly sent: Command[] = [];
  reconnects = 0;
  /** Default: what an empty server answers. */
  answer: (command: Command) => unknown = () => answerOfEmpty();
  readonly #unanswered = new Set<(error: Error) => void>();

  duplicate(options: object): this {
    this.options = options as Readonly<Record<string, unknown>>;
    return this;
  }

  call(...command: (string | number)[]): Promise<unknown> {
    this.sent.push(command);
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      Promise.resolve()
        .then(() => this.answer(command))
        .then(resolve, reject);
    });
  }

  disconnect(isReconnect = false): void {
    if (isReconnect) this.reconnects += 1;
    this.goDown();
    if (isReconnect) return;
    this.status = 'end';
    this.emit('end');
  }

  goUp(): void {
    this.status = 'ready';
    this.emit('ready');
  }

  goDown(): void {
    this.status = 'reconnecting';
    const error = new Error('Reached the max retries per request limit (which is 0).');
    error.name = 'MaxRetriesPerRequestError';
    for (const reject of this.#unanswered) reject(error);
    this.#unanswered.clear();
    this.emit('close');
  }

  names(): readonly string[] {
    return this.sent.map((command) => String(command[0]));
  }
}

/** For scripts as well: they are told apart by their keys. */
export function answerOfEmpty(): unknown {
  return null;
}

export const never = (): Promise<never> => new Promise(() => undefined);

/** As ioredis gives an error that the server has replied with. */
export function replyError(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

export type ScriptName = 'open' | 'write' | 'fence';

/** Which of the guard's scripts a command runs, if any. */
export function scriptOf(command: Command): ScriptName | undefined {
  if (command[0] !== 'EVALSHA' && command[0] !== 'EVAL') return undefined;
  const keys = command.slice(3, 3 + Number(command[2]));
  if (keys.length === 1) return 'open';
  return String(keys[1]).endsWith(':fenced') ? 'fence' : 'write';
}
