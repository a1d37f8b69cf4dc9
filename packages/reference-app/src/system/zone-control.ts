import { createListeners, isHoldfastError } from '@holdfast/internal';
import { updateVersioned, type Locks } from '@holdfast/locks';
import type { Zone } from '@holdfast/zone-scheduler';
import type { Pool } from 'pg';
import { commandTopic } from './wire.ts';
import { decideMode, type ZoneMode } from './zone-rule.ts';

interface ZoneRow {
  readonly uid: string;
  readonly setpoint: number;
  readonly mode: ZoneMode;
  readonly version: string;
  readonly mean: number | null;
}

const SELECT_ZONES = `select id from zones order by id`;

/**
 * The mean of each node's newest reading, of those that are fresh: nothing acts on stale data, nor on readings from the
 * future, which would count as fresh for as long as the device's clock is ahead.
 */
const SELECT_ZONE = `
  select zones.uid, zones.setpoint, zones.mode, zones.version, avg(last.value) as mean
  from zones
  left join nodes on nodes.zone_id = zones.id
  left join telemetry_last last
    on last.node_id = nodes.id and last.metric = $2
    and last.ts > now() - make_interval(secs => $3)
    and last.ts < now() + interval '1 minute'
  where zones.id = $1
  group by zones.id`;

export interface ZoneControlEvents {
  readonly command: { readonly zone: string; readonly mode: ZoneMode; readonly version: string };
}

export interface ZoneControl {
  on<K extends keyof ZoneControlEvents>(
    event: K,
    listener: (payload: ZoneControlEvents[K]) => void,
  ): () => void;
  zones(): Promise<Iterable<Zone>>;
  run(zone: Zone, context: { readonly signal: AbortSignal }): Promise<void>;
}

/**
 * Runs one zone's rule: reads fresh telemetry, decides the mode, stores it, tells the devices. The advisory lock keeps
 * two instances off one zone; the version keeps an update from being lost should anything else change the row.
 */
export function createZoneControl(options: {
  readonly pool: Pool;
  readonly locks: Locks;
  /** Sends a command to the devices; resolves when the broker has it. */
  readonly publish: (topic: string, payload: string) => Promise<void>;
  readonly root: string;
  /** The reading that the rule looks at. */
  readonly metric: string;
  /** Older readings than this count as none. */
  readonly maxAgeMs: number;
}): ZoneControl {
  const { pool, locks, publish, root, metric, maxAgeMs } = options;
  const listeners = createListeners<ZoneControlEvents>({ command: true });
  /** The version that the devices were last told, by zone. Empty after a start: the first cycle tells all again. */
  const told = new Map<string, string>();

  const decide = (zoneId: string, signal: AbortSignal): Promise<ZoneRow | undefined> =>
    locks.withAdvisoryLock(
      ['zone', zoneId],
      async (tx) => {
        const { rows } = await tx.query<ZoneRow>(SELECT_ZONE, [zoneId, metric, maxAgeMs / 1000]);
        const zone = rows[0];
        if (zone === undefined) return undefined;
        const mode = decideMode({ ...zone, mean: zone.mean ?? undefined });
        if (mode === zone.mode) return zone;
        return updateVersioned<ZoneRow>(tx, {
          table: 'zones',
          id: zoneId,
          expected: BigInt(zone.version),
          set: { mode },
        });
      },
      { wait: 'try', signal },
    );

  return {
    on: (event, listener) => listeners.on(event, listener),
    async zones() {
      const { rows } = await pool.query<{ id: string }>(SELECT_ZONES);
      return rows;
    },
    async run({ id }, { signal }) {
      let zone: ZoneRow | undefined;
      try {
        zone = await decide(id, signal);
      } catch (error) {
        // Another instance is at work on this zone: nothing is left to do.
        if (isHoldfastError(error, 'LOCK_TIMEOUT')) return;
        throw error;
      }
      if (zone === undefined || told.get(id) === zone.version) return;
      const { uid, mode, version } = zone;
      const payload = JSON.stringify({ mode, version: Number(version) });
      // After the commit, so that no command is sent for a mode that is not stored.
      await publish(commandTopic(root, uid), payload);
      told.set(id, version);
      listeners.emit('command', { zone: uid, mode, version });
    },
  };
}
