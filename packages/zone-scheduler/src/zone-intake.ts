import { requireInteger, requireObject, requireText } from '@holdfast/internal';
import { requireAboveZero } from './require-above-zero.ts';
import type { SeenZones } from './seen-zones.ts';
import { hashText } from './shards/hash.ts';
import type { Shards } from './shards.ts';
import type { ZoneHealth } from './zone-health.ts';
import type { RunLane } from './zone-run.ts';
import type { Zone } from './zone.ts';

/** What a cycle does with something that its source gave. */
export type Verdict<D> =
  { readonly kind: 'run'; readonly zone: Zone<D>; readonly lane: RunLane } | NotRun;

/** Why it is not run. */
export type NotRun =
  | {
      readonly kind: 'quarantined' | 'stuck' | 'duplicates' | 'elsewhere' | 'notDue';
      readonly zoneId: string;
    }
  | { readonly kind: 'invalid'; readonly zoneId: string; readonly error: unknown };

export interface ZoneIntakeParts {
  readonly cycle: number;
  readonly seen: SeenZones;
  readonly shards: Shards;
  readonly health: ZoneHealth;
  /** Zones whose handlers still run though they were aborted in an earlier cycle. */
  readonly zombies: { has(zoneId: string): boolean };
  /** Zones that the cycle before had deferred: due whatever `every` says. */
  readonly overdue: ReadonlySet<string>;
}

/** Looks at everything that the source of one cycle gives. */
export class ZoneIntake<D> {
  readonly #parts: ZoneIntakeParts;

  constructor(parts: ZoneIntakeParts) {
    this.#parts = parts;
    parts.seen.begin();
  }

  accept(given: Zone<D>): Verdict<D> {
    const { cycle, seen, shards, health, zombies, overdue } = this.#parts;
    let zone: Zone<D>;
    try {
      zone = copyOf(given);
    } catch (error) {
      return { kind: 'invalid', zoneId: idOf(given), error };
    }
    const { id: zoneId, every } = zone;
    if (!seen.isFirst(zoneId)) return { kind: 'duplicates', zoneId };
    if (shards.ownershipOf(zoneId) === undefined) return { kind: 'elsewhere', zoneId };
    const lane = health.laneOf(zoneId, cycle);
    const isDue = every === undefined || (cycle + hashText(zoneId)) % every === 0;
    if (!isDue && !overdue.has(zoneId)) return { kind: 'notDue', zoneId };
    if (zombies.has(zoneId)) return { kind: 'stuck', zoneId };
    if (lane === 'quarantined') return { kind: 'quarantined', zoneId };
    return { kind: 'run', zone, lane };
  }

  /** The source was read to its end: what it did not give is gone. */
  forgetOthers(): void {
    this.#parts.seen.end();
  }
}

/**
 * Read once and kept: a source may fill one object again and again. What is no field of a zone is left behind: a source of
 * rows must not stop when a column is added.
 *
 * @throws {TypeError | RangeError} when it is no zone.
 */
function copyOf<D>(given: Zone<D>): Zone<D> {
  const { id, data, priority, weight, timeoutMs, every } = requireObject('zone', given);
  requireText('zone.id', id);
  if (priority !== undefined) requireInteger('zone.priority', priority, { min: 0, max: 2 });
  if (weight !== undefined) requireAboveZero('zone.weight', weight);
  if (timeoutMs !== undefined) requireInteger('zone.timeoutMs', timeoutMs, { min: 1 });
  if (every !== undefined) requireInteger('zone.every', every, { min: 1 });
  return { id, data, priority, weight, timeoutMs, every };
}

/** Empty when there is none. */
function idOf(given: unknown): string {
  try {
    const { id } = given as { readonly id: unknown };
    return typeof id === 'string' ? id : '';
  } catch {
    return '';
  }
}
