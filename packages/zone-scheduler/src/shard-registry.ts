/** What an instance of static shards says of itself. */
export interface ShardRegistration {
  /** Which of the instances it is, from 0. */
  readonly id: number;
  /** How many it believes that there are. */
  readonly total: number;
  /** A round of the registry failed; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

/** Where the instances of static shards are written down, so that it is seen when one is missing or counts others. A port. */
export interface ShardRegistry {
  /** Begins to keep the registration. Waits for nothing: no server is needed for the shards themselves. */
  start(registration: ShardRegistration): void;
  /** How many of the instances are not there; 0 while it is not known. */
  readonly missing: number;
  /** True from the start until all have been there once, for a bounded time: who is missing then is about to start. */
  readonly isSettling: boolean;
  /** Why the instances do not fit together, as far as this one knows. */
  readonly mismatch: string | undefined;
  /** Takes the registration back; resolves when nothing of it runs. */
  close(): Promise<void>;
}
