import { requireFunction, requireInteger, requireNumber, requireText } from '@holdfast/internal';

export interface BudgetOptions {
  /** Slots of all schedulers together; at least 1. */
  readonly max: number;
}

export interface BudgetShareOptions {
  /** Of what is short, a share gets in proportion to its weight; above 0. Default 1. */
  readonly weight?: number | undefined;
  /** Called when what is granted changes because of another share; not from within one's own `request`. */
  readonly onGrant?: ((granted: number) => void) | undefined;
}

/** Slots of one downstream that several schedulers of one process share. */
export interface Budget {
  readonly max: number;
  /**
   * Takes part, with a request of 1 for the beginning, so that nobody stands still before its first plan.
   *
   * @throws {RangeError} when the name is taken, or there are more shares than slots.
   */
  register(name: string, options?: BudgetShareOptions): BudgetShare;
}

export interface BudgetShare {
  readonly granted: number;
  /**
   * Says how many slots are wanted from now on; returns how many are granted, at least 1 and at most that.
   *
   * @throws {TypeError | RangeError} unless it is an integer of at least 1.
   */
  request(slots: number): number;
  /** Gives everything back. Harmless when called again. */
  release(): void;
}

interface Share {
  readonly weight: number;
  readonly onGrant: ((granted: number) => void) | undefined;
  wanted: number;
  granted: number;
}

/**
 * Shares `max` slots max-min fairly: nobody gets more than it asks for, and nobody could get more without taking from
 * one that has less, by weight (D. Bertsekas and R. Gallager, "Data Networks", section 6.5.2). Each share has one slot
 * at least. Grants together are never above `max`; what runs is above it while a share whose grant fell still has runs
 * of before, which its scheduler does not stop.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function createBudget(options: BudgetOptions): Budget {
  const max = requireInteger('max', options.max, { min: 1 });
  const shares = new Map<string, Share>();

  const divide = (asking: Share | undefined): void => {
    const all = [...shares.values()];
    const before = all.map(({ granted }) => granted);
    grantFairly(all, max);
    all.forEach((share, n) => {
      if (share !== asking && share.granted !== before[n]) share.onGrant?.(share.granted);
    });
  };

  return {
    max,
    register(name, { weight = 1, onGrant } = {}) {
      requireText('name', name);
      if (shares.has(name)) throw new RangeError(`there is a share of the name "${name}" already`);
      if (shares.size >= max) throw new RangeError(`all ${max} slots have a share each`);
      const share: Share = {
        weight: requireNumber('weight', weight, { min: Number.MIN_VALUE }),
        onGrant: onGrant === undefined ? undefined : requireFunction('onGrant', onGrant),
        wanted: 1,
        granted: 0,
      };
      shares.set(name, share);
      divide(share);
      return {
        get granted() {
          return share.granted;
        },
        request(slots) {
          share.wanted = requireInteger('slots', slots, { min: 1 });
          if (shares.get(name) === share) divide(share);
          return share.granted;
        },
        release() {
          if (shares.get(name) !== share) return;
          shares.delete(name);
          share.granted = 0;
          divide(share);
        },
      };
    },
  };
}

/** Slot by slot to whoever has least for its weight and wants more; the one that came first among equals. */
function grantFairly(shares: readonly Share[], max: number): void {
  let left = max - shares.length;
  for (const share of shares) share.granted = 1;
  for (; left > 0; left -= 1) {
    let poorest: Share | undefined;
    for (const share of shares) {
      if (share.granted >= share.wanted) continue;
      if (poorest === undefined || nextPrice(share) < nextPrice(poorest)) poorest = share;
    }
    if (poorest === undefined) return;
    poorest.granted += 1;
  }
}

function nextPrice({ granted, weight }: Share): number {
  return (granted + 1) / weight;
}
