import { requireNumber, requireOneOf, requireOptionGroup, type Random } from '@holdfast/internal';

/** How long a zone takes on an idle downstream. */
export type ServiceOptions =
  | { readonly distribution: 'constant'; readonly medianMs: number }
  | {
      readonly distribution: 'lognormal';
      readonly medianMs: number;
      /** Of the logarithm; 0.4 is usual, 1 a heavy tail. */
      readonly sigma: number;
    }
  | {
      readonly distribution: 'pareto';
      readonly medianMs: number;
      /** Above 1, so that there is a mean; 1.5 is a very heavy tail. */
      readonly alpha: number;
    }
  | {
      readonly distribution: 'bimodal';
      readonly medianMs: number;
      /** Of the slow ones, whose share is below a half. */
      readonly slowMs: number;
      readonly slowShare: number;
    };

export interface ServiceTime {
  readonly medianMs: number;
  readonly meanMs: number;
  draw(random: Random): number;
}

const DISTRIBUTIONS = ['constant', 'lognormal', 'pareto', 'bimodal'] as const;
const ALWAYS = { distribution: true, medianMs: true } as const;
const NAMES = {
  constant: ALWAYS,
  lognormal: { ...ALWAYS, sigma: true },
  pareto: { ...ALWAYS, alpha: true },
  bimodal: { ...ALWAYS, slowMs: true, slowShare: true },
} as const;
const ANY = { ...NAMES.lognormal, ...NAMES.pareto, ...NAMES.bimodal };
const SHORTEST_MS = { min: 0.001 };

/** @throws {TypeError | RangeError} when an option is wrong. */
export function createServiceTime(options: ServiceOptions): ServiceTime {
  const path = 'service';
  requireOptionGroup<object>(path, options, ANY);
  const kind = requireOneOf(`${path}.distribution`, options.distribution, DISTRIBUTIONS);
  requireOptionGroup<object>(path, options, NAMES[kind]);
  const medianMs = requireNumber(`${path}.medianMs`, options.medianMs, SHORTEST_MS);
  switch (options.distribution) {
    case 'constant':
      return { medianMs, meanMs: medianMs, draw: () => medianMs };
    case 'lognormal': {
      const sigma = requireNumber(`${path}.sigma`, options.sigma, { min: 0, max: 3 });
      return {
        medianMs,
        meanMs: medianMs * Math.exp(sigma ** 2 / 2),
        draw: (random) => medianMs * Math.exp(sigma * drawNormal(random)),
      };
    }
    case 'pareto': {
      const alpha = requireNumber(`${path}.alpha`, options.alpha, { min: 1.05 });
      const leastMs = medianMs / 2 ** (1 / alpha);
      return {
        medianMs,
        meanMs: (leastMs * alpha) / (alpha - 1),
        draw: (random) => leastMs / (1 - random()) ** (1 / alpha),
      };
    }
    case 'bimodal': {
      const slowMs = requireNumber(`${path}.slowMs`, options.slowMs, SHORTEST_MS);
      const slowShare = requireNumber(`${path}.slowShare`, options.slowShare, {
        min: 0,
        max: 0.49,
      });
      return {
        medianMs,
        meanMs: medianMs + slowShare * (slowMs - medianMs),
        draw: (random) => (random() < slowShare ? slowMs : medianMs),
      };
    }
    default: {
      const impossible: never = options;
      return impossible;
    }
  }
}

/** Source: G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates" (1958). */
function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
