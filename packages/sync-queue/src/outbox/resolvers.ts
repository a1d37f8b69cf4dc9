import { requireFunction, requireObject, requireOneOf, requireOptions } from '@holdfast/internal';
import type { Conflict, Resolution, Resolver } from './conflict.ts';
import { mergeThreeWay, type FieldStrategy, type Otherwise } from './three-way-merge.ts';

export interface MergeOptions {
  /** For fields that both sides have changed and that have no strategy. Default `quarantine`. */
  readonly otherwise?: Otherwise | undefined;
}

/** Ready-made resolvers of conflicts. Any function from a `Conflict` to a `Resolution` is one, too. */
export const resolvers: {
  /** Gives our edit up. */
  readonly serverWins: Resolver;
  /** Sends our edit again, over theirs. */
  readonly clientWins: Resolver;
  /** The side that was changed last, by hybrid logical clock; theirs when the server does not say when. */
  readonly lww: Resolver;
  /**
   * Merges field by field. Fields that only one side has changed need no strategy. Where one side has deleted the
   * document there is nothing to merge: `otherwise` decides. Calls are quarantined.
   *
   * @throws {TypeError} when a strategy is unknown.
   */
  merge(strategies?: Readonly<Record<string, FieldStrategy>>, options?: MergeOptions): Resolver;
} = Object.freeze({
  serverWins: () => ({ use: 'server' as const }),
  clientWins: () => ({ use: 'client' as const }),
  lww: (conflict: Conflict) => choose('lww', conflict),
  merge(
    strategies: Readonly<Record<string, FieldStrategy>> = {},
    options: MergeOptions = {},
  ): Resolver {
    requireOptions('merge', options, { otherwise: true });
    for (const [field, strategy] of Object.entries(requireObject('strategies', strategies))) {
      if (typeof strategy === 'string') requireOneOf(`strategies.${field}`, strategy, STRATEGIES);
      else requireFunction(`strategies.${field}`, strategy);
    }
    const levels = ['server', 'client', 'lww', 'quarantine'] as const;
    const otherwise = requireOneOf('otherwise', options.otherwise ?? 'quarantine', levels);
    const choice = { strategies: { ...strategies }, otherwise };
    return (conflict) => merge(conflict, choice);
  },
});

const STRATEGIES = ['server', 'client', 'lww', 'max', 'min', 'sum', 'union'] as const;

function merge(conflict: Conflict, choice: Parameters<typeof mergeThreeWay>[1]): Resolution {
  const { ours, theirs } = conflict;
  if (ours.kind === 'call') return { use: 'quarantine', reason: 'a call cannot be merged' };
  if (theirs === null || ours.kind === 'delete') {
    // Both want it gone.
    if (theirs === null && ours.kind === 'delete') return { use: 'server' };
    return choose(choice.otherwise, conflict);
  }
  const merged = mergeThreeWay({ ...conflict, theirs }, choice);
  switch (merged.gives) {
    case 'change':
      return { use: 'merged', change: merged.change };
    case 'nothing':
      return { use: 'server' };
    case 'undecided':
      return { use: 'quarantine', reason: `both sides have changed ${merged.fields.join(', ')}` };
    default: {
      const impossible: never = merged;
      return impossible;
    }
  }
}

function choose(otherwise: Otherwise, { ours, theirsAt }: Conflict): Resolution {
  switch (otherwise) {
    case 'server':
    case 'client':
      return { use: otherwise };
    case 'lww':
      return { use: theirsAt !== undefined && ours.at > theirsAt ? 'client' : 'server' };
    case 'quarantine':
      return { use: 'quarantine', reason: 'one side has deleted what the other has changed' };
    default: {
      const impossible: never = otherwise;
      return impossible;
    }
  }
}
