import { onAbort, type Random } from '@holdfast/internal';
import type { Zone, ZoneContext } from '../zone.ts';
import { createServers, createUsl, type Downstream } from './downstream.ts';
import type { Scenario } from './scenario.ts';
import { createServiceTime } from './service-time.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** The downstream refuses whoever comes. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code = 'ECONNREFUSED';
}

/** What the zones, and all that they share, are at this moment. */
export interface World {
  readonly downstream: Downstream;
  /** Of one instance. */
  zonesOf(instance: number): AsyncIterable<Zone<number>>;
  healthyZonesOf(instance: number): number[];
  /** Zones of one instance that could be done in one cycle. */
  feasible(instance: number): number;
  /** On an idle downstream. */
  readonly medianMs: number;
  readonly meanMs: number;
  readonly servers: number;
  run(zone: Zone<number>, context: ZoneContext): Promise<void>;
}

/** An error at once: what a socket takes to be refused. */
const REFUSAL_MS = 1;

export function createWorld(
  scenario: Scenario,
  { clock, random, scale }: { clock: VirtualClock; random: Random; scale: number },
): World {
  const { cycleMs = 15_000, instances = 1, downstream: options } = scenario;
  const service = createServiceTime(scenario.service);
  const isServers = options.model === 'servers';
  let servers = isServers ? options.servers : Infinity;
  let zones = scenario.zones * scale;
  let serviceFactor = 1 / scale;
  let hungShare = 0;
  let state: 'serves' | 'refuses' | 'hangs' = 'serves';
  const downstream = isServers
    ? createServers(clock, {
        servers: options.servers,
        thrash: options.thrash ?? 0,
        acquireTimeoutMs: options.acquireTimeoutMs ?? Infinity,
      })
    : createUsl(clock, options);
  for (const step of scenario.steps ?? []) {
    clock.setTimer(
      () => {
        if (step.zones !== undefined) zones = step.zones * scale;
        if (step.serviceFactor !== undefined) serviceFactor = step.serviceFactor / scale;
        if (step.servers !== undefined) downstream.resize((servers = step.servers));
        hungShare = step.hungShare ?? hungShare;
        state = step.state ?? state;
      },
      (step.cycle - 1) * cycleMs,
    );
  }
  // Spread evenly over the zones, and over the instances.
  const isHealthy = (zone: number): boolean => {
    const place = Math.floor(zone / instances);
    return Math.floor((place + 1) * hungShare) === Math.floor(place * hungShare);
  };
  const own = (instance: number): number[] => {
    const all: number[] = [];
    for (let zone = instance; zone < zones; zone += instances) all.push(zone);
    return all;
  };

  return {
    downstream,
    zonesOf: (instance) => byPromises(own(instance)),
    healthyZonesOf: (instance) => own(instance).filter(isHealthy),
    feasible(instance) {
      if (state !== 'serves') return 0;
      const capacity = (servers * cycleMs) / (service.meanMs * serviceFactor) / instances;
      return Math.min(capacity, own(instance).filter(isHealthy).length);
    },
    get medianMs() {
      return service.medianMs * serviceFactor;
    },
    get meanMs() {
      return service.meanMs * serviceFactor;
    },
    get servers() {
      return servers;
    },
    run(zone, context) {
      if (state === 'refuses') return refuse(clock);
      if (state === 'hangs' || !isHealthy(zone.data ?? 0)) return hang(context);
      return downstream.serve(service.draw(random) * serviceFactor);
    },
  };
}

/** The scheduler reads an array in turns of the event loop, between which the virtual clock would go on. */
function byPromises(zones: readonly number[]): AsyncIterable<Zone<number>> {
  return {
    [Symbol.asyncIterator]() {
      const values = zones.values();
      return {
        next() {
          const { value, done } = values.next();
          if (done === true) return Promise.resolve({ value: undefined, done });
          return Promise.resolve({ value: { id: `zone-${value}`, data: value } });
        },
      };
    },
  };
}

function refuse(clock: VirtualClock): Promise<void> {
  return new Promise((_, reject) => {
    clock.setTimer(() => reject(new RefusedError('connection refused')), REFUSAL_MS);
  });
}

function hang({ signal }: ZoneContext): Promise<void> {
  return new Promise((_, reject) => {
    onAbort(signal, reject);
  });
}
