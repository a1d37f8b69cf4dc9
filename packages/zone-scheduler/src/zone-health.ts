import type { Random } from '@holdfast/internal';
import type { CycleReport } from './cycle-report.ts';
import type { FailureClass } from './zone.ts';

export type Lane = 'healthy' | 'suspect' | 'quarantined';

export interface ZoneHealthOptions {
  readonly suspects: { readonly afterFailures: number } | false;
  readonly quarantine:
    | {
        readonly failures: number;
        readonly baseCycles: number;
        readonly maxCycles: number;
        readonly maxFraction: number;
      }
    | false;
  readonly random: Random;
}

/** From this failure rate of a cycle on its failures are not held against their zones: something common is broken. */
const COMMON_FAILURE_RATE = 0.5;
/** A quarantine is longer or shorter by up to this share, so that zones do not come back together. */
const JITTER = 0.1;
const LONGEST_LIST = 5;

/** What is known of a zone that did not run to success the last time. */
interface Trouble {
  /** In a row, of those that are held against the zone. */
  failures: number;
  /** Turns in a row without a success: a zone of each fourth cycle has a turn in four. */
  missed: number;
  /** Turns since the last success that the end of the cycle has cut short. */
  cutShort: number;
  /** Cycle in which the source gave it last. */
  seenIn: number;
  /** Cycle in which it may run again; 0: not quarantined. */
  until: number;
  /** How often in a row it was quarantined. */
  times: number;
}

/**
 * Remembers the zones in trouble, and nothing of the others. Of a zone:
 *
 * - healthy      from the start, and from each success
 * - suspect      entered with `afterFailures` failures in a row: runs in a lane of its own
 * - quarantined  entered with `failures` in a row, at most `maxFraction` of all zones: is not run for 2, 4, 8 … cycles,
 *                then once as a suspect; left with the cycle in which its turn comes back, for good with a success
 */
export class ZoneHealth {
  readonly #options: ZoneHealthOptions;
  readonly #troubles = new Map<string, Trouble>();
  readonly #onQuarantine: (zoneId: string, isOn: boolean) => void;
  #quarantined = 0;
  /** Cycles in a row whose source was not read to its end. */
  #unread = 0;

  constructor(
    options: ZoneHealthOptions,
    onQuarantine: (zoneId: string, isOn: boolean) => void = () => undefined,
  ) {
    this.#options = options;
    this.#onQuarantine = onQuarantine;
  }

  /** Zones in quarantine, those included that are tried at present. */
  get quarantined(): number {
    return this.#quarantined;
  }

  /** To be asked once a cycle for each zone that is given. */
  laneOf(zoneId: string, cycle: number): Lane {
    const trouble = this.#troubles.get(zoneId);
    if (trouble === undefined) return 'healthy';
    trouble.seenIn = cycle;
    if (trouble.until > cycle) return 'quarantined';
    const { suspects } = this.#options;
    if (trouble.until > 0) return suspects === false ? 'healthy' : 'suspect';
    return suspects !== false && trouble.failures >= suspects.afterFailures ? 'suspect' : 'healthy';
  }

  succeeded(zoneId: string): void {
    // Most cycles have no zone in trouble.
    if (this.#troubles.size > 0) this.#forget(zoneId);
  }

  /** The zone was planned in the cycle and was not run to success; to be told once. */
  missed(zoneId: string, cycle: number): void {
    this.#note(zoneId, cycle).missed += 1;
  }

  /**
   * The end of the cycle left the zone less than its time. Returns whether that has happened before without a success since:
   * one that hangs and has its turn at the end of each cycle would never be held to account.
   */
  cutShort(zoneId: string, cycle: number): boolean {
    const trouble = this.#note(zoneId, cycle);
    trouble.cutShort += 1;
    return trouble.cutShort > 1;
  }

  /** Ends a quarantine, and what was held against the zone. Returns whether there was one. */
  release(zoneId: string): boolean {
    const trouble = this.#troubles.get(zoneId);
    if (trouble === undefined || trouble.until === 0) return false;
    trouble.failures = 0;
    this.#endQuarantine(zoneId, trouble);
    return true;
  }

  /**
   * Holds the failures of a cycle against their zones, unless too many failed for it to be theirs.
   *
   * @param failed those that were not the downstream's fault, nor cut short for the first time.
   */
  endCycle(parts: {
    readonly cycle: number;
    readonly planned: number;
    readonly failureRate: number;
    readonly failed: ReadonlyMap<string, FailureClass>;
    /** Whether the source was read to its end: what it did not give is gone then. */
    readonly isSourceRead: boolean;
  }): void {
    const { cycle, planned, failureRate, failed, isSourceRead } = parts;
    if (failureRate < COMMON_FAILURE_RATE) {
      for (const zoneId of failed.keys()) this.#blame(zoneId, cycle, planned);
    }
    this.#unread = isSourceRead ? 0 : this.#unread + 1;
    if (!isSourceRead) return;
    for (const [zoneId, { seenIn }] of this.#troubles) {
      if (seenIn < cycle) this.#forget(zoneId);
    }
  }

  /** How stale zones are after the last cycle, those included that its source should have given. */
  get staleness(): CycleReport['staleness'] {
    const oldest = [...this.#troubles]
      .sort(([, a], [, b]) => b.missed - a.missed)
      .slice(0, LONGEST_LIST);
    const maxCycles = oldest[0]?.[1].missed ?? 0;
    if (this.#unread > maxCycles) return { maxCycles: this.#unread, oldest: [] };
    return {
      maxCycles,
      oldest: oldest.map(([zoneId]) => zoneId),
    };
  }

  #note(zoneId: string, cycle: number): Trouble {
    const known = this.#troubles.get(zoneId);
    if (known !== undefined) {
      known.seenIn = cycle;
      return known;
    }
    const trouble = { failures: 0, missed: 0, cutShort: 0, seenIn: cycle, until: 0, times: 0 };
    this.#troubles.set(zoneId, trouble);
    return trouble;
  }

  #blame(zoneId: string, cycle: number, planned: number): void {
    const trouble = this.#note(zoneId, cycle);
    trouble.failures += 1;
    const { quarantine, random } = this.#options;
    if (quarantine === false || trouble.failures < quarantine.failures) return;
    if (trouble.until === 0) {
      if (this.#quarantined >= Math.floor(quarantine.maxFraction * planned)) return;
      this.#quarantined += 1;
      this.#onQuarantine(zoneId, true);
    }
    const cycles = Math.min(quarantine.baseCycles * 2 ** trouble.times, quarantine.maxCycles);
    const jittered = Math.round(cycles * (1 + JITTER * (2 * random() - 1)));
    trouble.times += 1;
    trouble.until = cycle + 1 + jittered;
  }

  #forget(zoneId: string): void {
    const trouble = this.#troubles.get(zoneId);
    if (trouble === undefined) return;
    if (trouble.until > 0) this.#endQuarantine(zoneId, trouble);
    this.#troubles.delete(zoneId);
  }

  #endQuarantine(zoneId: string, trouble: Trouble): void {
    trouble.until = 0;
    trouble.times = 0;
    this.#quarantined -= 1;
    this.#onQuarantine(zoneId, false);
  }
}
