import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '@holdfast/internal';
import type { CircuitRules, Result } from '../circuit-breaker/circuit-contract.ts';
import type { Command, StoreLink } from './store-link.ts';
import type { SharedView } from './store.ts';

export interface ProbesOptions {
  readonly rules: CircuitRules;
  readonly leaseMs: number;
  readonly maxWaitMs: number;
  readonly clock: Clock;
  readonly link: StoreLink;
}

/** The leases of this member: asks for them, gives up what takes too long, and tells the store the verdicts. */
export class Probes {
  readonly #options: ProbesOptions;
  /** In front of every token: a name that is used again after a restart must not meet its own old leases. */
  readonly #origin = randomUUID();
  readonly #held = new Map<string, { readonly view: SharedView; readonly timer: Timer }>();
  #asked = 0;
  #isAsking = false;

  constructor(options: ProbesOptions) {
    this.#options = options;
  }

  /** False: the store would refuse, by what it last said; or one call of this member is asking already. */
  mayAsk({ succeeded, leases }: SharedView): boolean {
    const { probes, concurrent } = this.#options.rules;
    if (this.#isAsking || leases >= concurrent) return false;
    return leases === 0 || leases + succeeded < probes;
  }

  /** The token of a lease, or undefined: refused, or the store is down. Then a lease that comes late is given back. */
  async ask(seen: SharedView): Promise<string | undefined> {
    const { link, leaseMs, maxWaitMs, clock, rules } = this.#options;
    const { version: expectedVersion } = seen;
    const { probes, concurrent } = rules;
    const token = `${this.#origin}:${++this.#asked}`;
    const giveBack = this.#settling(token, seen, UNWANTED);
    this.#isAsking = true;
    const view = await link.ask(
      (store, circuit) =>
        store.lease(circuit, { token, leaseMs, expectedVersion, probes, concurrent }),
      giveBack,
    );
    this.#isAsking = false;
    if (view?.isGranted !== true) return undefined;
    if (link.state === 'closed') {
      link.tell(giveBack);
      return undefined;
    }
    const giveUp = (): void => void this.settle(token, { verdict: 'failure' });
    const timer = clock.setTimer(giveUp, maxWaitMs, { background: true });
    this.#held.set(token, { view, timer });
    return token;
  }

  /** False: it was given up before. */
  settle(token: string, result: Result): boolean {
    const held = this.#held.get(token);
    if (held === undefined) return false;
    this.#held.delete(token);
    held.timer.cancel();
    const { link } = this.#options;
    const command = this.#settling(token, held.view, result);
    // Nobody waits for it. A verdict that was found while the store is down is not told later: each member goes by its
    // own circuit then, and the lease ends by itself.
    if (result.verdict === 'ignore') link.tell(command);
    else if (link.view !== undefined) void link.ask(command);
    return true;
  }

  /** Gives back what is held, so that others need not wait for it. */
  close(): void {
    for (const token of [...this.#held.keys()]) this.settle(token, UNWANTED);
  }

  #settling(
    token: string,
    view: SharedView,
    { verdict, retryAfterMs }: Result,
  ): Command<SharedView> {
    const { rules } = this.#options;
    const { probes, maxFailures } = rules;
    const { version: expectedVersion } = view;
    const openMs = nextOpenMs(rules, view, retryAfterMs);
    return (store, circuit) =>
      store.settle(circuit, { token, expectedVersion, verdict, probes, maxFailures, openMs });
  }
}

const UNWANTED = { verdict: 'ignore' } as const;

/** How long the opening lasts that follows the one of `view`, whole milliseconds. */
export function nextOpenMs(rules: CircuitRules, view: SharedView | undefined, askedMs = 0): number {
  const { opens, openMs } = view ?? { opens: 0, openMs: 0 };
  return Math.ceil(Math.max(askedMs, rules.openMs(opens + 1, openMs)));
}
