import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import type { Policy } from '../policy.ts';

/**
 * Makes the policies of one process of a layer, `instance` from 0: the real ones, on the simulation's clock and random
 * source.
 */
export type PolicyFactory = (
  tools: { readonly clock: Clock; readonly random: Random },
  instance: number,
) => Policy<unknown>;

export interface LayerOptions {
  readonly name: string;
  /** Processes of this layer; each has its own policies. At least 1. Default 1. */
  readonly instances?: number | undefined;
  readonly policy: PolicyFactory;
}

export interface BackendOptions {
  /** Mean time of an answer, milliseconds; each takes from half of it to one and a half. At least 1. Default 20. */
  readonly latencyMs?: number | undefined;
  /** Answers a second; what comes above it is refused. At least 1. Default: no limit. */
  readonly capacityPerSecond?: number | undefined;
}

export interface OutageOptions {
  /** When it begins, milliseconds from the start; at least 0. Default 30 000. */
  readonly startMs?: number | undefined;
  /** At least 1. Default 60 000. */
  readonly durationMs?: number | undefined;
  /** `errors`: every call is answered with an error. `hangs`: none is answered. Default `errors`. */
  readonly kind?: 'errors' | 'hangs' | undefined;
}

export interface SimulationOptions {
  /** At least 1. Default 1 000. */
  readonly clients?: number | undefined;
  /** Of each client, evenly spread; above 0. Default 1. */
  readonly requestsPerSecond?: number | undefined;
  /** Outer to inner; the innermost calls the backend. */
  readonly layers: readonly LayerOptions[];
  readonly backend?: BackendOptions | undefined;
  readonly outage?: OutageOptions | undefined;
  /** How long is simulated after the outage, milliseconds; at least 1. Default 60 000. */
  readonly afterMs?: number | undefined;
  /** Any integer; the same one gives the same report. Default 1. */
  readonly seed?: number | undefined;
}

export interface ResolvedSimulation {
  readonly clients: number;
  readonly requestsPerSecond: number;
  readonly layers: readonly Required<{ [K in keyof LayerOptions]: NonNullable<LayerOptions[K]> }>[];
  readonly latencyMs: number;
  readonly capacityPerSecond: number;
  readonly outage: {
    readonly startMs: number;
    readonly endMs: number;
    readonly kind: 'errors' | 'hangs';
  };
  readonly endMs: number;
  readonly seed: number;
}

const NAMES: OptionNames<SimulationOptions> = {
  clients: true,
  requestsPerSecond: true,
  layers: true,
  backend: true,
  outage: true,
  afterMs: true,
  seed: true,
};

const LAYER_NAMES: OptionNames<LayerOptions> = {
  name: true,
  instances: true,
  policy: true,
};

const BACKEND_NAMES: OptionNames<BackendOptions> = {
  latencyMs: true,
  capacityPerSecond: true,
};

const OUTAGE_NAMES: OptionNames<OutageOptions> = {
  startMs: true,
  durationMs: true,
  kind: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveSimulation(options: SimulationOptions): ResolvedSimulation {
  requireOptions('simulateOutage', options, NAMES);
  const layers: unknown = options.layers;
  if (!Array.isArray(layers)) throw new TypeError('layers must be an array');
  const backend = requireOptionGroup('backend', options.backend ?? {}, BACKEND_NAMES);
  const outage = requireOptionGroup('outage', options.outage ?? {}, OUTAGE_NAMES);
  const startMs = requireNumber('outage.startMs', outage.startMs ?? 30_000, { min: 0 });
  const durationMs = requireNumber('outage.durationMs', outage.durationMs ?? 60_000, { min: 1 });
  const afterMs = requireNumber('afterMs', options.afterMs ?? 60_000, { min: 1 });
  const { capacityPerSecond } = backend;
  return {
    clients: requireInteger('clients', options.clients ?? 1_000, { min: 1 }),
    requestsPerSecond: requireNumber('requestsPerSecond', options.requestsPerSecond ?? 1, {
      min: Number.EPSILON,
    }),
    layers: options.layers.map((layer, index) => resolveLayer(layer, `layers[${index}]`)),
    latencyMs: requireNumber('backend.latencyMs', backend.latencyMs ?? 20, { min: 1 }),
    capacityPerSecond:
      capacityPerSecond === undefined
        ? Infinity
        : requireNumber('backend.capacityPerSecond', capacityPerSecond, { min: 1 }),
    outage: {
      startMs,
      endMs: startMs + durationMs,
      kind: requireOneOf('outage.kind', outage.kind ?? 'errors', ['errors', 'hangs']),
    },
    endMs: startMs + durationMs + afterMs,
    seed: requireInteger('seed', options.seed ?? 1),
  };
}

function resolveLayer(layer: LayerOptions, path: string): ResolvedSimulation['layers'][number] {
  requireOptionGroup(path, layer, LAYER_NAMES);
  return {
    name: requireText(`${path}.name`, layer.name),
    instances: requireInteger(`${path}.instances`, layer.instances ?? 1, { min: 1 }),
    policy: requireFunction(`${path}.policy`, layer.policy),
  };
}
