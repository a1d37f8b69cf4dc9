import { requireFunction, requireNumber, requireOneOf } from './checks.ts';
import { systemRandom, type Random } from './random.ts';

/** A number, from 0 to 1: by up to this share either way, also beyond `capMs`, so that a fleet at the cap still spreads. */
export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated' | number;

export interface BackoffOptions {
  /** Delay before the first retry, milliseconds. Default 100. */
  readonly baseMs?: number | undefined;
  /** Longest delay, milliseconds. Default 20 000, or `baseMs` when that is more. */
  readonly capMs?: number | undefined;
  /** Growth per attempt, at least 1. Default 2. Not used by `decorrelated`. */
  readonly factor?: number | undefined;
  /** Default `full`. */
  readonly jitter?: Jitter | undefined;
  readonly random?: Random | undefined;
}

/**
 * Milliseconds to wait after failed attempt number `attempt` (the first is 1). `previousMs` is the delay before that
 * attempt, 0 at first; only `decorrelated` reads it.
 */
export type Backoff = (attempt: number, previousMs: number) => number;

/**
 * Exponential back-off with jitter and a cap. Source of the four kinds: M. Brooker, "Exponential Backoff And Jitter",
 * AWS Architecture Blog, 2015.
 *
 * `group` stands in front of the option's name in messages: `retry.` for options that the caller gives in `retry`.
 *
 * @throws {RangeError | TypeError} when an option is out of range.
 */
export function createBackoff(options: BackoffOptions = {}, group = ''): Backoff {
  const baseMs = requireNumber(`${group}baseMs`, options.baseMs ?? 100, { min: 0 });
  const capMs = requireNumber(`${group}capMs`, options.capMs ?? Math.max(20_000, baseMs), {
    min: baseMs,
  });
  const factor = requireNumber(`${group}factor`, options.factor ?? 2, { min: 1 });
  const random = requireFunction('random', options.random ?? systemRandom);
  const jitter = resolveJitter(`${group}jitter`, options.jitter ?? 'full');

  // Without the first case a base of 0 would give 0 × Infinity = NaN once the power overflows.
  const ceiling = (attempt: number): number =>
    baseMs === 0 ? 0 : Math.min(capMs, baseMs * factor ** (attempt - 1));
  if (typeof jitter === 'number') {
    return (attempt) => ceiling(attempt) * (1 + jitter * (2 * random() - 1));
  }
  switch (jitter) {
    case 'none':
      return ceiling;
    case 'full':
      return (attempt) => random() * ceiling(attempt);
    case 'equal':
      return (attempt) => (ceiling(attempt) * (1 + random())) / 2;
    case 'decorrelated':
      return (_attempt, previousMs) => {
        const highest = Math.max(baseMs, previousMs * 3);
        return Math.min(capMs, baseMs + random() * (highest - baseMs));
      };
    default: {
      const impossible: never = jitter;
      return impossible;
    }
  }
}

function resolveJitter(name: string, jitter: Jitter): Jitter {
  return typeof jitter === 'number'
    ? requireNumber(name, jitter, { min: 0, max: 1 })
    : requireOneOf(name, jitter, JITTERS);
}

const JITTERS = ['none', 'full', 'equal', 'decorrelated'] as const;
