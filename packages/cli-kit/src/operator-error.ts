/** What the operator can mend. The message is one sentence, and holds no credentials. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  /** Of the program: 2 when nothing was done, 1 when something was. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { readonly cause?: unknown; readonly exitCode?: 1 } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 2;
  }
}
