import { findProgram, installDebianPackage, type ProgramKind } from './programs.ts';

/**
 * Path of a server's program, installed as a Debian package when it is missing and this is root on Debian.
 *
 * @throws when the program cannot be had.
 */
export async function requireProgram(kind: ProgramKind, name: string): Promise<string> {
  const found = findProgram(name);
  if (found !== undefined) return found;
  const reason = await installDebianPackage(kind);
  const installed = findProgram(name);
  if (installed !== undefined) return installed;
  throw new Error(
    `no ${name}: it is not on PATH, and ${reason ?? 'the Debian package did not bring it'}`,
  );
}
