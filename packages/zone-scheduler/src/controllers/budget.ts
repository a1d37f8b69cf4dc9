import {
  requireFunction,
  requireInteger,
  requireOptionGroup,
  requireOptions,
  requireText,
} from '@holdfast/internal';
import { requireAboveZero } from '../require-above-zero.ts';

export interface BudgetOptions {
  /** Slots of all schedulers together; at least 1. */
  readonly max: number;
}

export interface BudgetShareOptions {
  /** Of what is short, a share gets in proportion to its weight; above 0. Default 1. */
  readonly weight?: number | undefined;
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
  /** Whether a slot may be taken: the share has less than is granted, and all together have less than `max`. */
  readonly hasRoom: boolean;
  /** Takes one slot; to be called while there is room. */
  take(): void;
  /**
   * Gives a slot back that was taken.
   *
   * @throws {RangeError} when none is.
   */
  giveBack(): void;
  /** Calls `onRoom` when another has given a slot back that this share may take; the one and only listener. */
  watch(onRoom: () => void): void;
  /** Leaves the budget. What was taken and not given back stays taken until it is. Harmless when called again. */
  release(): void;
}

interface Share {
  readonly weight: number;
  wanted: number;
  granted: number;
  taken: number;
  onRoom: (() => void) | undefined;
}

/**
 * Shares `max` slots max-min fairly: nobody gets more than it asks for, and nobody could get more without taking from
 * one that has less, by weight (D. Bertsekas and R. Gallager, "Data Networks", section 6.5.2). Each share has one slot
 * at least. Slots taken together are never above `max`: a share whose grant grew waits until another has given back.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function createBudget(options: BudgetOptions): Budget {
  requireOptions('createBudget', options, { max: true });
  const max = requireInteger('max', options.max, { min: 1 });
  const shares = new Map<string, Share>();
  let taken = 0;

  const wakeOthers = (giver: Share): void => {
    for (const share of shares.values()) {
      if (taken >= max) return;
      if (share !== giver && share.taken < share.granted) share.onRoom?.();
    }
  };

  const join = (name: string, share: Share): BudgetShare => ({
    get granted() {
      return share.granted;
    },
    request(slots) {
      share.wanted = requireInteger('slots', slots, { min: 1 });
      if (shares.get(name) === share) grantFairly([...shares.values()], max);
      return share.granted;
    },
    get hasRoom() {
      return share.taken < share.granted && taken < max;
    },
    take() {
      share.taken += 1;
      taken += 1;
    },
    giveBack() {
      if (share.taken === 0) throw new RangeError(`no slot of the share "${name}" is taken`);
      share.taken -= 1;
      taken -= 1;
      wakeOthers(share);
    },
    watch(onRoom) {
      share.onRoom = requireFunction('onRoom', onRoom);
    },
    release() {
      if (shares.get(name) !== share) return;
      shares.delete(name);
      share.granted = 0;
      grantFairly([...shares.values()], max);
      wakeOthers(share);
    },
  });

  return {
    max,
    register(name, given = {}) {
      requireText('name', name);
      const { weight = 1 } = requireOptionGroup('options', given, { weight: true });
      if (shares.has(name)) throw new RangeError(`there is a share of the name "${name}" already`);
      if (shares.size >= max) throw new RangeError(`all ${max} slots have a share each`);
      requireAboveZero('weight', weight);
      const share: Share = { weight, wanted: 1, granted: 0, taken: 0, onRoom: undefined };
      shares.set(name, share);
      grantFairly([...shares.values()], max);
      return join(name, share);
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
