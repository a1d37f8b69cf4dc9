import { randomUUID } from 'node:crypto';
import type { Clock } from '@holdfast/internal';
import { requireMethods } from '../require-methods.ts';
import { admit, type Admitted, type Intent, type OutboxBounds } from './admit-unit.ts';
import { Guests } from './guests.ts';
import type { HlcClock } from './hlc.ts';
import { HlcReservation } from './hlc-reservation.ts';
import type { Hlc, NewOp, Op } from './op.ts';
import type { OpPayload } from './op-payload.ts';
import type { EnqueueOptions, Ticket, TicketEnd } from './outbox.ts';
import { resolveEnqueueOptions } from './outbox-options.ts';
import type { OutboxConnection, OutboxRows, OutboxStore } from './outbox-store.ts';
import { requireNewOp } from './require-op.ts';
import type { StoreKeeper } from './store-keeper.ts';
import type { Tickets } from './tickets.ts';
import { newUnitId } from './unit-id.ts';

export interface IntakeHost {
  readonly clock: Clock;
  readonly hlc: HlcClock;
  readonly maxDriftMs: number;
  readonly bounds: OutboxBounds;
  readonly payload: OpPayload;
  readonly keeper: StoreKeeper;
  readonly tickets: Tickets;
  readonly onHeld: (id: string) => void;
  readonly onEnd: (id: string, end: TicketEnd) => void;
}

/** Takes edits in: checks and encodes them, makes them durable, and gives tickets for them. */
export class Intake {
  readonly tally = { enqueued: 0, coalesced: 0 };
  readonly #host: IntakeHost;
  readonly #reservation: HlcReservation;
  readonly #guests: Guests;

  constructor(host: IntakeHost) {
    this.#host = host;
    this.#reservation = new HlcReservation(host.hlc, host.maxDriftMs);
    this.#guests = new Guests({
      clock: host.clock,
      isHeld: (id) => host.keeper.read((rows) => rows.find(id) !== undefined),
      onCommitted: host.onHeld,
      onRolledBack: (id) => host.onEnd(id, { status: 'cancelled' }),
    });
  }

  /** Encoded at once: the caller may change its objects while the store is busy. */
  prepare(op: NewOp | readonly NewOp[], options: EnqueueOptions): Intent {
    const { priority, dependsOn } = resolveEnqueueOptions(options);
    const { clock, hlc, payload } = this.#host;
    const given: readonly NewOp[] = isGroup(op) ? op : [op];
    if (given.length === 0) throw new TypeError('a group must hold at least one op');
    const checked = given.map((one, index) =>
      requireNewOp(isGroup(op) ? `ops[${index}]` : 'op', one),
    );
    const ops = checked.map((one): Op => ({ ...one, at: one.at ?? hlc.tick() }));
    const at = { enqueuedAtMs: clock.wallNow(), sinceMs: clock.now() };
    const names = { id: newUnitId(at.enqueuedAtMs), key: randomUUID() };
    const isStamped = checked.map((one) => one.at === undefined);
    return { ...names, isStamped, ops, payload: payload.encode(ops), priority, dependsOn, ...at };
  }

  /** Gives those a new time that were given one by this clock before it knew of the last run. */
  stampAgain(intent: Intent): Intent {
    const { hlc, payload } = this.#host;
    // As encoded: the caller may have changed its objects meanwhile.
    const ops = payload
      .decode(intent.payload)
      .map((op, index) => (intent.isStamped[index] === true ? { ...op, at: hlc.tick() } : op));
    return { ...intent, ops, payload: payload.encode(ops) };
  }

  async add(intent: Intent): Promise<Ticket> {
    const at = lastGiven(intent);
    const { admitted, reserved } = await this.#host.keeper.write((rows) => ({
      admitted: this.#admit(rows, intent),
      reserved: at === undefined ? undefined : this.#reservation.cover(rows, at),
    }));
    if (reserved !== undefined) this.#reservation.confirm(reserved);
    return this.#follow(admitted);
  }

  /** As part of the caller's transaction; what coalesces there could not be taken back alone, so nothing does. */
  addWithin(store: OutboxStore, connection: OutboxConnection, intent: Intent): Ticket {
    if (store.within === undefined) {
      throw new TypeError(`${store.label} has no transactions of callers`);
    }
    requireMethods('connection', connection, ['prepare']);
    if (!connection.inTransaction) throw new TypeError('connection must be in a transaction');
    const rows = store.within(connection);
    const admitted = this.#admit(rows, { ...intent, isAlone: true });
    // Never confirmed: the caller may roll back, and the next edit writes it again.
    const at = lastGiven(intent);
    if (at !== undefined) this.#reservation.cover(rows, at);
    this.#guests.add(admitted.id, connection);
    return this.#follow(admitted);
  }

  close(): void {
    this.#guests.close();
  }

  #admit(rows: OutboxRows, intent: Intent): Admitted {
    const { bounds, payload } = this.#host;
    return admit(rows, intent, { bounds, payload });
  }

  #follow({ as, id }: Admitted): Ticket {
    const { tickets, onEnd, onHeld } = this.#host;
    this.tally.enqueued += 1;
    switch (as) {
      case 'unit':
        onHeld(id);
        return tickets.issue(id, false);
      case 'coalesced':
        this.tally.coalesced += 1;
        onHeld(id);
        return tickets.issue(id, true);
      case 'nothing': {
        this.tally.coalesced += 1;
        const ticket = tickets.issue(id, true);
        onEnd(id, { status: 'cancelled' });
        return ticket;
      }
      default: {
        const impossible: never = as;
        return impossible;
      }
    }
  }
}

/** The latest time that this clock has given to an op. */
function lastGiven({ ops, isStamped }: Intent): Hlc | undefined {
  return ops.findLast((_op, index) => isStamped[index])?.at;
}

function isGroup(op: NewOp | readonly NewOp[]): op is readonly NewOp[] {
  return Array.isArray(op);
}
