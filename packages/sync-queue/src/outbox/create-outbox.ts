import { randomUUID } from 'node:crypto';
import {
  createLifecycle,
  createListeners,
  requireOptions,
  type Lifecycle,
  type Listeners,
} from '@holdfast/internal';
import { requireSignal } from '../require-signal.ts';
import { applyOp } from './apply-op.ts';
import { Drain } from './drain.ts';
import { createHlcClock, type HlcClock } from './hlc.ts';
import { Intake } from './intake.ts';
import { LinkKeeper } from './link-keeper.ts';
import { laneOf, type Doc, type Hlc, type NewOp } from './op.ts';
import type {
  EnqueueOptions,
  HeldOps,
  Outbox,
  OutboxEvents,
  OutboxOptions,
  OutboxSnapshot,
  PendingQuery,
  Quarantine,
  SyncReport,
  Ticket,
  TicketEnd,
} from './outbox.ts';
import { OutboxClosedError } from './outbox-errors.ts';
import { resolveOutboxOptions, resolvePage, type ResolvedOutboxOptions } from './outbox-options.ts';
import type { OutboxConnection } from './outbox-store.ts';
import { createQuarantine, page, toHeldOps } from './quarantine.ts';
import { SentBook } from './sent-book.ts';
import { Settler } from './settler.ts';
import { StallWatch } from './stall-watch.ts';
import { StoreKeeper } from './store-keeper.ts';
import { Tickets } from './tickets.ts';
import { cancelUnit } from './unit-graph.ts';

/**
 * Creates an outbox: edits are durable on this machine when `enqueue` resolves, and are sent until the server has said
 * what became of each.
 *
 * @throws {TypeError | RangeError} when an option is missing, unknown or out of range.
 */
export function createOutbox(options: OutboxOptions): Outbox {
  return new DurableOutbox(resolveOutboxOptions(options));
}

class DurableOutbox implements Outbox {
  readonly quarantine: Quarantine;
  readonly #options: ResolvedOutboxOptions;
  readonly #listeners: Listeners<OutboxEvents> = createListeners({
    ...{ settled: true, conflict: true, stalled: true, link: true, pushFailed: true },
    ...{ storeError: true },
  });
  readonly #tickets = new Tickets();
  readonly #sent = new SentBook();
  readonly #hlc: HlcClock;
  readonly #keeper: StoreKeeper;
  readonly #link: LinkKeeper;
  readonly #intake: Intake;
  readonly #drain: Drain;
  readonly #watch: StallWatch;
  readonly #opening: Lifecycle;
  readonly #ends = { applied: 0, superseded: 0, cancelled: 0, quarantined: 0 };
  #conflicts = 0;
  #isStarted = false;
  #streamId = '';
  #unsubscribe: () => void = () => undefined;

  constructor(options: ResolvedOutboxOptions) {
    this.#options = options;
    const { clock, payload, retry, bounds, clientId, maxDriftMs, stallAfterMs } = options;
    const { emit } = this.#listeners;
    const hlc = createHlcClock({ node: clientId.slice(0, 100), maxDriftMs, clock });
    const keeper = new StoreKeeper(options.store, (error) => emit('storeError', { error }));
    const link = new LinkKeeper({
      clock,
      backoff: retry.probeBackoff,
      onChange: (change) => emit('link', change),
    });
    const sent = this.#sent;
    const onEnd = (id: string, end: TicketEnd): void => this.#end(id, end);
    const onHeld = (id: string): void => this.#look(id);
    const settler = new Settler({
      ...{ options, hlc, sent, keeper, onEnd },
      onConflict: (conflict) => {
        this.#conflicts += 1;
        emit('conflict', conflict);
      },
    });
    this.#hlc = hlc;
    this.#keeper = keeper;
    this.#link = link;
    this.#drain = new Drain({
      ...{ options, hlc, sent, link, settler, keeper },
      streamId: () => this.#streamId,
      onPushFailed: (failure) => emit('pushFailed', failure),
    });
    this.#watch = new StallWatch({
      ...{ clock, stallAfterMs, keeper, sent, link },
      isAwaiting: () => this.#drain.isAwaiting,
      onStalled: (stalled) => emit('stalled', stalled),
    });
    const tickets = this.#tickets;
    this.#intake = new Intake({
      ...{ clock, hlc, maxDriftMs, bounds, payload, keeper, tickets, onHeld, onEnd },
    });
    this.#opening = createLifecycle({
      start: () => this.#open(),
      close: () => keeper.close(),
      closedError: () => new OutboxClosedError(),
    });
    this.quarantine = createQuarantine({
      payload,
      wallNow: () => clock.wallNow(),
      newKey: randomUUID,
      read: async (work) => (await this.#opened()).read(work),
      write: async (work) => (await this.#opened()).write(work),
      onRedriven: () => this.#look(),
    });
  }

  async start(): Promise<void> {
    await this.#opening.start();
    if (this.#isStarted || this.#opening.state !== 'running') return;
    this.#isStarted = true;
    const { online } = this.#options;
    if (online !== undefined) {
      this.#drain.hint(online.isOnline());
      this.#unsubscribe = online.subscribe(() => this.#drain.hint(online.isOnline()));
    }
    this.#watch.start();
    this.#drain.start();
  }

  async enqueue(op: NewOp | readonly NewOp[], options: EnqueueOptions = {}): Promise<Ticket> {
    // Read before the first wait: the caller may change its objects afterwards.
    const intent = this.#intake.prepare(op, options);
    if (this.#streamId !== '' && this.#opening.state === 'running') return this.#intake.add(intent);
    await this.#opened();
    return this.#intake.add(this.#intake.stampAgain(intent));
  }

  enqueueWithin(
    connection: OutboxConnection,
    op: NewOp | readonly NewOp[],
    options: EnqueueOptions = {},
  ): Ticket {
    if (!this.#isStarted || this.#opening.state !== 'running') throw new OutboxClosedError();
    const intent = this.#intake.prepare(op, options);
    return this.#intake.addWithin(this.#options.store, connection, intent);
  }

  async sync(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<SyncReport> {
    requireOptions('sync', options, { signal: true });
    const signal = requireSignal(options.signal);
    const keeper = await this.#opened();
    const { applied, quarantined } = this.#ends;
    await this.#drain.sync(signal);
    const totals = await keeper.read((rows) => rows.totals());
    return {
      applied: this.#ends.applied - applied,
      quarantined: this.#ends.quarantined - quarantined,
      left: totals.count - totals.quarantined,
      link: this.#linkState(),
    };
  }

  async pending(query: PendingQuery = {}): Promise<HeldOps[]> {
    requireOptions('pending', query, { entity: true, id: true, limit: true, after: true });
    const { limit, after } = resolvePage(query);
    const { entity, id } = query;
    if ((entity === undefined) !== (id === undefined)) {
      throw new TypeError('entity and id name a document together');
    }
    const keeper = await this.#opened();
    const units = await keeper.read((rows) =>
      entity === undefined || id === undefined
        ? page(rows, { limit, after })
        : rows.lane(laneOf({ entity, id }), 'front', limit),
    );
    return units.map((unit) => toHeldOps(unit, this.#options.payload));
  }

  async overlay(entity: string, id: string, serverDoc?: Doc): Promise<Doc | undefined> {
    const lane = laneOf({ entity, id });
    const keeper = await this.#opened();
    const units = await keeper.read((rows) => rows.lane(lane, 'front', ALL));
    return units
      .flatMap((unit) => toHeldOps(unit, this.#options.payload).ops ?? [])
      .filter((op) => laneOf(op) === lane)
      .reduce<Doc | undefined>((doc, op) => applyOp(doc, op), serverDoc);
  }

  async cancel(id: string): Promise<boolean> {
    const keeper = await this.#opened();
    const seq = await keeper.write((rows) => cancelUnit(rows, id));
    if (seq === undefined) return false;
    this.#sent.forget(seq);
    this.#end(id, { status: 'cancelled' });
    this.#drain.notify();
    return true;
  }

  observe(at: Hlc): void {
    this.#hlc.observe(at);
  }

  snapshot(): OutboxSnapshot {
    const { count, bytes, quarantined } = this.#keeper.totals;
    return {
      state: this.#opening.state,
      link: this.#linkState(),
      held: count,
      heldBytes: bytes,
      ...this.#ends,
      quarantined,
      conflicts: this.#conflicts,
      ...this.#intake.tally,
      ...this.#drain.tally,
      storeErrors: this.#keeper.errors,
      inFlight: this.#drain.inFlight,
      stalled: this.#watch.stalled,
    };
  }

  on<K extends keyof OutboxEvents>(
    event: K,
    listener: (payload: OutboxEvents[K]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#watch.close();
    this.#intake.close();
    await this.#drain.close(new OutboxClosedError());
    await this.#opening.close();
    this.#tickets.failAll(new OutboxClosedError());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    await this.#keeper.open();
    const found = await this.#keeper.write((rows) => {
      const streamId = rows.meta('streamId') ?? randomUUID();
      rows.setMeta('streamId', streamId);
      return { streamId, hlc: rows.meta('hlc'), sent: rows.sent(), lastSeq: rows.lastSeq() };
    });
    const nowMs = this.#options.clock.now();
    this.#streamId = found.streamId;
    if (found.hlc !== undefined) this.#hlc.resume(found.hlc);
    this.#watch.open(found.lastSeq);
    // What was sent before may have been applied: it goes out again, as it was.
    for (const { seq, id } of found.sent) this.#sent.wait(seq, nowMs, { id, nowMs, as: 'new' });
  }

  async #opened(): Promise<StoreKeeper> {
    await this.#opening.start();
    return this.#keeper;
  }

  #look(id?: string): void {
    this.#watch.look(id);
    this.#drain.notify();
  }

  #end(id: string, end: TicketEnd): void {
    this.#ends[end.status] += 1;
    this.#watch.settled();
    this.#tickets.finish(id, end);
    this.#listeners.emit('settled', { id, end });
  }

  #linkState(): OutboxSnapshot['link'] {
    const { state } = this.#link.current;
    return state === 'down' ? (this.#link.trouble ?? 'offline') : state;
  }
}

/** More than a lane can hold. */
const ALL = 2 ** 31;
