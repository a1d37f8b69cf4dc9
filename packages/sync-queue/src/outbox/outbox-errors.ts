import { HoldfastError } from '@holdfast/internal';

/** There is no room in the outbox; the edit is not held. */
export class OutboxFullError extends HoldfastError {
  override readonly name = 'OutboxFullError';
  declare readonly code: 'OUTBOX_FULL';
  /** What is used up. */
  readonly limit: 'maxCount' | 'maxBytes';

  constructor(limit: 'maxCount' | 'maxBytes', most: number) {
    super('OUTBOX_FULL', `the outbox has no room: limits.${limit} is ${most}`);
    this.limit = limit;
  }
}

/** The outbox was closed. */
export class OutboxClosedError extends HoldfastError {
  override readonly name = 'OutboxClosedError';
  declare readonly code: 'OUTBOX_CLOSED';

  constructor() {
    super('OUTBOX_CLOSED', 'the outbox is closed; what it holds is kept for its next start');
  }
}

/** Another outbox, of this process or another, works on the store: only one may. */
export class OutboxInUseError extends HoldfastError {
  override readonly name = 'OutboxInUseError';
  declare readonly code: 'OUTBOX_IN_USE';
  readonly store: string;

  constructor(store: string, options?: { readonly cause?: unknown }) {
    super('OUTBOX_IN_USE', `another outbox works on ${store}`, options);
    this.store = store;
  }
}

/** A time from another clock is too far in the future. */
export class HlcDriftError extends HoldfastError {
  override readonly name = 'HlcDriftError';
  declare readonly code: 'HLC_DRIFT';
  readonly aheadMs: number;

  constructor(remote: string, aheadMs: number, maxDriftMs: number) {
    super('HLC_DRIFT', `${remote} is ${aheadMs} ms ahead, at most ${maxDriftMs} are taken`);
    this.aheadMs = aheadMs;
  }
}
