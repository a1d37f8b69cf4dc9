import type { CoalesceOptions } from './adding.ts';
import type { NewItem } from './store.ts';
import type { AddVerdict } from './why-full.ts';

export interface FoldContext<T> {
  readonly decode: (payload: Uint8Array) => T;
  readonly encode: (value: T) => Uint8Array;
  readonly submit: (item: NewItem) => Promise<AddVerdict>;
}

/**
 * Adds an item that is to be folded into a held one: asks what is held, folds, and gives it back for the revision that was
 * folded into. Whenever that fails somebody else has succeeded, so all together go on.
 */
export async function foldItem<T>(
  value: T,
  item: NewItem,
  coalesce: Extract<CoalesceOptions<T>, { readonly mode: 'fold' }>,
  context: FoldContext<T>,
): Promise<AddVerdict> {
  let offered = item;
  for (;;) {
    const verdict = await context.submit(offered);
    if (verdict.status !== 'fold') return verdict;
    const { held } = verdict;
    if (held === undefined) {
      offered = item;
      continue;
    }
    const folded = coalesce.fold(context.decode(held.payload), value);
    offered = {
      ...item,
      payload: context.encode(folded),
      coalesce: { key: coalesce.key, mode: 'fold', revision: held.revision },
    };
  }
}
