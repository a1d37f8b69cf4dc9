import type { NewItem } from '../store.ts';
import { indexedText, unindexedText } from './key-text.ts';
import { toUs } from './settings.ts';

/**
 * Items as one array a field, null for a field that none of them has. The payloads go as one value, which the driver sends
 * as it is, with the place of each in it.
 */
export function enqueueArguments(items: readonly NewItem[]): unknown[] {
  const sizes = items.map(({ payload }) => payload.length);
  const places: number[] = [];
  let place = 1;
  for (const size of sizes) {
    places.push(place);
    place += size;
  }
  const hasLane = items.some(({ key }) => key !== undefined);
  const isCoalescing = items.some(({ coalesce }) => coalesce !== undefined);
  const isKnown = items.some(({ idempotencyKey }) => idempotencyKey !== undefined);
  const textOf = (text: string | undefined): string | null =>
    text === undefined ? null : indexedText(text);
  return [
    Buffer.concat(items.map(({ payload }) => payload)),
    places,
    sizes,
    items.map(({ priority }) => priority),
    items.map(({ delayMs }) => (delayMs > 0 ? toUs(delayMs) : 0)),
    items.map(({ draw }) => draw),
    hasLane ? items.map(({ key }) => textOf(key)) : null,
    hasLane ? items.map(({ key }) => (key === undefined ? null : unindexedText(key))) : null,
    isKnown ? items.map(({ idempotencyKey }) => textOf(idempotencyKey)) : null,
    isCoalescing ? items.map(({ coalesce }) => textOf(coalesce?.key)) : null,
    isCoalescing ? items.map(({ coalesce }) => coalesce?.mode ?? null) : null,
    isCoalescing ? items.map(({ coalesce }) => coalesce?.revision ?? null) : null,
  ];
}
