import { requireObject, requireOneOf } from '@holdfast/internal';
import { requireStorableText } from './require-storable-text.ts';
import { requirePriority } from './resolve-overflow.ts';
import type { PauseTarget } from './store.ts';

/** @throws {TypeError | RangeError} unless `target` names the queue, a priority or a key. */
export function resolvePauseTarget(target: PauseTarget): PauseTarget {
  requireObject('target', target);
  requireOneOf('target.kind', target.kind, ['queue', 'priority', 'key']);
  switch (target.kind) {
    case 'queue':
      return { kind: 'queue' };
    case 'priority':
      return { kind: 'priority', priority: requirePriority('target.priority', target.priority) };
    case 'key':
      return { kind: 'key', key: requireStorableText('target.key', target.key) };
    default: {
      const impossible: never = target;
      return impossible;
    }
  }
}
