/** Prints one line for whoever runs the tests, on standard error, so that JSON on standard output stays clean. */
export function announce(line: string): void {
  process.stderr.write(`[testkit] ${line}\n`);
}
