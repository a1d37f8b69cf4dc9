import { requireOptions } from '@holdfast/internal';
import { plainBytes } from '../plain-bytes.ts';
import { requireIds } from '../require-ids.ts';
import type { HeldOps, PageOptions, Quarantine, QuarantinedOps } from './outbox.ts';
import { resolvePage } from './outbox-options.ts';
import type { OpPayload } from './op-payload.ts';
import type { OutboxRows, Unit } from './outbox-store.ts';
import { purgeUnit, redriveUnit } from './unit-graph.ts';

export interface QuarantineHost {
  readonly payload: OpPayload;
  readonly wallNow: () => number;
  readonly newKey: () => string;
  read<T>(work: (rows: OutboxRows) => T): Promise<T>;
  write<T>(work: (rows: OutboxRows) => T): Promise<T>;
  readonly onRedriven: (ids: readonly string[]) => void;
}

/** Units that one transaction redrives or purges: it must not hold up others for long. */
const CHUNK = 250;

export function createQuarantine(host: QuarantineHost): Quarantine {
  const change = async (
    options: { readonly ids?: readonly string[] | undefined },
    apply: (rows: OutboxRows, unit: Unit) => void,
    onDone: (ids: readonly string[]) => void,
  ): Promise<number> => {
    const { ids } = options;
    const wanted = ids === undefined ? undefined : requireIds('ids', ids);
    let done = 0;
    let afterSeq = 0;
    for (let start = 0; ; start += CHUNK) {
      const part = wanted?.slice(start, start + CHUNK);
      const units = await host.write((rows) => {
        const found = part === undefined ? next(rows, afterSeq) : named(rows, part);
        for (const unit of found) apply(rows, unit);
        return found;
      });
      done += units.length;
      afterSeq = units.at(-1)?.seq ?? afterSeq;
      onDone(units.map(({ id }) => id));
      if (part === undefined ? units.length === 0 : part.length < CHUNK) return done;
    }
  };

  return {
    async list(options = {}) {
      requireOptions('quarantine.list', options, { limit: true, after: true });
      const { limit, after } = resolvePage(options);
      const units = await host.read((rows) => page(rows, { limit, after, state: 'quarantined' }));
      return units.map((unit): QuarantinedOps => {
        const { reason, quarantinedAtMs } = unit;
        const why = { reason: reason ?? '', quarantinedAtMs: quarantinedAtMs ?? 0 };
        return { ...toHeldOps(unit, host.payload), ...why };
      });
    },
    async redrive(options = {}) {
      requireOptions('quarantine.redrive', options, { ids: true });
      const redrive = (rows: OutboxRows, unit: Unit): void => {
        redriveUnit(rows, unit, host.newKey());
      };
      return change(options, redrive, host.onRedriven);
    },
    async purge(options = {}) {
      requireOptions('quarantine.purge', options, { ids: true });
      const purge = (rows: OutboxRows, unit: Unit): void => {
        purgeUnit(rows, unit.seq, host.wallNow());
      };
      return change(options, purge, () => undefined);
    },
  };
}

/** A page of units in order of arrival. */
export function page(
  rows: OutboxRows,
  { limit, after, state }: PageOptions & { readonly limit: number; readonly state?: Unit['state'] },
): Unit[] {
  const afterSeq = after === undefined ? 0 : (rows.find(after)?.seq ?? 0);
  return rows.list({ state, afterSeq, limit });
}

export function toHeldOps(unit: Unit, payload: OpPayload): HeldOps {
  const { id, state, priority, attempt, enqueuedAtMs } = unit;
  const held = { id, state, priority, attempt, enqueuedAtMs, payload: plainBytes(unit.payload) };
  try {
    return { ...held, ops: payload.decode(unit.payload) };
  } catch {
    return { ...held, ops: undefined };
  }
}

function next(rows: OutboxRows, afterSeq: number): Unit[] {
  return rows.list({ state: 'quarantined', afterSeq, limit: CHUNK });
}

function named(rows: OutboxRows, ids: readonly string[]): Unit[] {
  return [...new Set(ids)]
    .map((id) => rows.find(id))
    .filter((unit) => unit !== undefined)
    .filter(({ state }) => state === 'quarantined');
}
