/** What the user gave cannot be worked with. The message is one sentence for them; the exit code is 2. */
export class BadInputError extends Error {
  override readonly name = 'BadInputError';
}
