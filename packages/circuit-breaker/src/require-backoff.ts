import { requireOptionGroup, type BackoffOptions, type OptionNames } from '@holdfast/internal';

/** As it is given in an option: its source of jitter is the one of the options around it. */
export type GivenBackoff = Omit<BackoffOptions, 'random'>;

const NAMES: OptionNames<GivenBackoff> = {
  baseMs: true,
  capMs: true,
  factor: true,
  jitter: true,
};

/** @throws {TypeError} unless `backoff` is an object and has no other names than those of a back-off. */
export function requireBackoff(path: string, backoff: GivenBackoff): GivenBackoff {
  return requireOptionGroup(path, backoff, NAMES);
}
