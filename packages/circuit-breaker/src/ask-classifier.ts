/**
 * Asks the caller's own classifier about `error`.
 *
 * @throws {AggregateError} when the classifier throws: `error` first, what was thrown second and as the cause.
 */
export function askClassifier(option: string, error: unknown, ask: () => boolean): boolean {
  try {
    return ask();
  } catch (thrown) {
    throw new AggregateError([error, thrown], `${option} threw while it judged an error`, {
      cause: thrown,
    });
  }
}
