/** The kinds of servers that tests use. */
export type ServerKind = 'postgres' | 'redis' | 'mqtt';

export const SERVER_KINDS: readonly ServerKind[] = ['postgres', 'redis', 'mqtt'];

/** A server that answers. */
export interface FoundServer {
  readonly url: string;
  /** How it was found, for people: one phrase. */
  readonly how: string;
  /** Ends it when it is ours; does nothing to a server that was given by URL. */
  close(): Promise<void>;
}
