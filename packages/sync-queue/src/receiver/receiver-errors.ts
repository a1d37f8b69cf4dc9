import { HoldfastError } from '@holdfast/internal';

/** What came is no request of an outbox; nothing of it was applied. */
export class PushRequestInvalidError extends HoldfastError {
  override readonly name = 'PushRequestInvalidError';
  declare readonly code: 'PUSH_REQUEST_INVALID';

  constructor(problem: string) {
    super('PUSH_REQUEST_INVALID', `this is no request of an outbox: ${problem}`);
  }
}

/** The receiver was closed. */
export class ReceiverClosedError extends HoldfastError {
  override readonly name = 'ReceiverClosedError';
  declare readonly code: 'RECEIVER_CLOSED';

  constructor() {
    super('RECEIVER_CLOSED', 'the receiver is closed');
  }
}
