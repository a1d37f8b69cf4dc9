/** The part of a connection of its own that the guard needs; `Redis` of ioredis fits. */
export interface RedisConnection {
  readonly status: string;
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** True: reconnects at once. */
  disconnect(reconnect?: boolean): void;
  on(event: string, listener: (payload: unknown) => void): unknown;
  removeListener(event: string, listener: (payload: unknown) => void): unknown;
}

/** The part of a client that `guardRedis` needs: `Redis` of ioredis 5.4 or newer fits. It is only duplicated. */
export interface RedisClient {
  readonly isCluster?: boolean | undefined;
  /** A new connection to the same server, with other options. */
  duplicate(options: object): RedisConnection;
}

/** Sends one command; rejects at once when the connection cannot take it. */
export type Send = (command: string, ...args: (string | number)[]) => Promise<unknown>;

/**
 * True: the server answered with an error, so it has done nothing (a script is refused as a whole), or the command has
 * not left this process.
 */
export function isRefusal(error: unknown): boolean {
  return isReply(error) || (error instanceof Error && error.message.startsWith(NOT_WRITEABLE));
}

/** True: the server itself answered with an error. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/** How ioredis rejects what it neither sends nor queues. */
export const NOT_WRITEABLE = "Stream isn't writeable";
