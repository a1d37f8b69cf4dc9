import { OperatorError } from '@holdfast/cli-kit';

/** @throws {OperatorError} unless the tables are those that this version works with. */
export function requireVersion(what: string, version: number, known: number): void {
  if (version > known) {
    throw new OperatorError(
      `${what} has version ${version}, and this program knows up to ${known}: use a newer one`,
    );
  }
  if (version < known) {
    throw new OperatorError(
      `${what} has version ${version} of ${known}: start a queue on it with this version of the package, which brings it up to date`,
    );
  }
}
