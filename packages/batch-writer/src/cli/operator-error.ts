/** What the operator can mend. The message is one sentence, and holds no credentials. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
