import { systemClock } from '@holdfast/internal';
import { createDeadLetters } from '../dead-letters.ts';
import type { DeadLetters } from '../dead-letter.ts';
import type { OperatedQueue } from './stores/operated-store.ts';

/** Their values are their bytes: only the application knows the codec. */
export function deadLettersOf({ stored }: OperatedQueue): DeadLetters<Uint8Array> {
  return createDeadLetters<Uint8Array>({
    codec: { encode: (bytes) => bytes, decode: (bytes) => bytes },
    clock: systemClock,
    run: (call) => call(stored),
    onRedriven: () => undefined,
  });
}
