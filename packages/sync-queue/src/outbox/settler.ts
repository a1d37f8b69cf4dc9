import { randomUUID } from 'node:crypto';
import type { FrozenUnit } from './freeze-batch.ts';
import type { HlcClock } from './hlc.ts';
import type { OutboxEvents, TicketEnd } from './outbox.ts';
import type { ResolvedOutboxOptions } from './outbox-options.ts';
import { planUnit, type PlanContext } from './plan-units.ts';
import type { SentBook } from './sent-book.ts';
import { endOf, settleUnit, type Plan } from './settle-unit.ts';
import type { StoreKeeper } from './store-keeper.ts';
import type { PushOutcome } from './wire.ts';

export interface SettlerHost {
  readonly options: ResolvedOutboxOptions;
  readonly hlc: HlcClock;
  readonly sent: SentBook;
  readonly onEnd: (id: string, end: TicketEnd) => void;
  readonly onConflict: (conflict: OutboxEvents['conflict']) => void;
  readonly keeper: StoreKeeper;
}

/** How long to wait before a unit is sent again whose verdict could not be written. */
const STORE_DELAY_MS = 200;

/** Writes down what became of the units of a request, all of them in one transaction. */
export class Settler {
  readonly #host: SettlerHost;
  /** Plans whose write failed: it may have been done all the same. */
  readonly #unwritten = new Map<number, { readonly id: string; readonly plan: Plan }>();

  constructor(host: SettlerHost) {
    this.#host = host;
  }

  async settle(
    units: readonly FrozenUnit[],
    outcomeOf: (unit: FrozenUnit) => PushOutcome,
    waiting?: 'unanswered',
  ): Promise<void> {
    if (units.length === 0) return;
    const { options } = this.#host;
    const context = this.#planContext();
    const plans = await Promise.all(
      units.map(async (unit) => {
        const outcome = outcomeOf(unit);
        const isUnanswered = outcome.status === 'unknown' || outcome.status === 'auth';
        const as = waiting ?? (isUnanswered ? 'unanswered' : 'put-off');
        return { unit, as, plan: await planUnit(unit, outcome, context) } as const;
      }),
    );
    const { payload, clock } = options;
    try {
      if (plans.some(({ plan, unit }) => needsWriting(plan, unit))) {
        await this.#host.keeper.write((rows) => {
          const nowMs = clock.wallNow();
          for (const { unit, plan } of plans) settleUnit(rows, unit.seq, plan, { payload, nowMs });
        });
      }
    } catch {
      // The keeper has told so. The same bytes are sent again, and the receiver's receipt gives the same verdict.
      for (const { unit, plan } of plans) {
        this.#unwritten.set(unit.seq, { id: unit.id, plan });
        this.#wait(unit, STORE_DELAY_MS, 'unanswered');
      }
      return;
    }
    for (const { unit, plan, as } of plans) this.#follow(unit, plan, as);
  }

  /** Brings what is in memory in line with what was written. */
  #follow(unit: FrozenUnit, plan: Plan, as: 'unanswered' | 'put-off'): void {
    const { sent } = this.#host;
    this.#unwritten.delete(unit.seq);
    const end = endOf(plan);
    if (end !== undefined) this.end(unit.seq, unit.id, end);
    else if (plan.do === 'wait') this.#wait(unit, plan.delayMs, as);
    else if (plan.do === 'resend') sent.startRound(unit.seq, plan.round);
  }

  #wait({ seq, id }: FrozenUnit, delayMs: number, as: 'unanswered' | 'put-off'): void {
    const nowMs = this.#host.options.clock.now();
    this.#host.sent.wait(seq, nowMs + delayMs, { id, nowMs, as });
  }

  end(seq: number, id: string, end: TicketEnd): void {
    this.#host.sent.forget(seq);
    this.#host.onEnd(id, end);
  }

  /** The unit is gone: the write that failed was done after all. */
  endUnwritten(seq: number): void {
    const unwritten = this.#unwritten.get(seq);
    this.#unwritten.delete(seq);
    this.#host.sent.forget(seq);
    const end = unwritten === undefined ? undefined : endOf(unwritten.plan);
    if (unwritten !== undefined && end !== undefined) this.#host.onEnd(unwritten.id, end);
  }

  #planContext(): PlanContext {
    const { options, sent, hlc, keeper } = this.#host;
    const { backoff, maxAttempts, maxRounds } = options.retry;
    return {
      policy: { backoff, maxAttempts, maxRounds },
      failuresOf: (seq) => sent.failuresOf(seq),
      payload: options.payload,
      resolverFor: options.resolverFor,
      opsOf: (seq) =>
        keeper.read((rows) => {
          const unit = rows.at(seq);
          if (unit === undefined) throw new Error(`unit ${seq} is gone`);
          return options.payload.decode(unit.payload);
        }),
      trustedTime(at) {
        try {
          if (at !== undefined) hlc.observe(at);
          return at;
        } catch {
          // A clock that is wrong must not win every conflict.
          return undefined;
        }
      },
      newKey: randomUUID,
      onConflict: ({ id }, round, use) => this.#host.onConflict({ id, round, use }),
    };
  }
}

function needsWriting(plan: Plan, unit: FrozenUnit): boolean {
  return plan.do !== 'wait' || plan.attempt !== unit.attempt;
}
