import { unfit, UnfitValue } from './unfit-value.ts';

/** Of PostgreSQL. */
export const MAX_DIMENSIONS = 6;

/** The elements of nested arrays in PostgreSQL's order, with the lengths of their dimensions: none of an empty array. */
export interface FlatArray<Element> {
  readonly lengths: readonly number[];
  readonly elements: readonly Element[];
}

/**
 * @param dimensions that there can be: 1 when an element may be an array itself.
 * @throws {UnfitValue} when the value is no array, or its arrays are not rectangular.
 */
export function flatten(value: unknown, dimensions: number): FlatArray<unknown> {
  if (!Array.isArray(value)) throw unfit('an array', value);
  if (value.length === 0) return { lengths: [], elements: [] };
  // A hole becomes undefined, which is NULL; the methods of arrays would skip it.
  let elements: readonly unknown[] = Array.from(value as unknown[]);
  const lengths = [value.length];
  while (dimensions > 1 && elements.some(Array.isArray)) {
    if (lengths.length === dimensions) {
      throw new UnfitValue(`an array can have ${dimensions} dimensions at most`);
    }
    const length = (elements[0] as ArrayLike<unknown> | null | undefined)?.length;
    const next: unknown[] = [];
    for (const part of elements) {
      if (!Array.isArray(part) || part.length !== length) {
        throw new UnfitValue('arrays inside an array must all have the same length');
      }
      for (const element of part) next.push(element);
    }
    if (next.length === 0) throw new UnfitValue('arrays inside an array must not be empty');
    lengths.push(next.length / elements.length);
    elements = next;
  }
  return { lengths, elements };
}

/** The nested arrays again. */
export function nest<Element>({ lengths, elements }: FlatArray<Element>): readonly unknown[] {
  let parts: readonly unknown[] = elements;
  for (const length of lengths.slice(1).reverse()) {
    const count = parts.length / length;
    const inner = parts;
    parts = Array.from({ length: count }, (_, index) =>
      inner.slice(index * length, (index + 1) * length),
    );
  }
  return parts;
}

/** Where an element stands, as `[1][0]`. */
export function placeOf(element: number, lengths: readonly number[]): string {
  let rest = element;
  let place = '';
  for (const length of lengths.toReversed()) {
    place = `[${rest % length}]${place}`;
    rest = Math.floor(rest / length);
  }
  return place;
}
