import type { BuiltProgram } from './build-program.ts';
import { bundleOnce } from './bundle-once.ts';

/** A TypeScript program as one file, in the shape of `buildProgram`. There is nothing to remove. */
export async function bundleProgram(file: URL): Promise<BuiltProgram> {
  const path = await bundleOnce(file);
  const close = (): Promise<void> => Promise.resolve();
  return { path, close, [Symbol.asyncDispose]: close };
}
