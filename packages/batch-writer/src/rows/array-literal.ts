import { nest, type FlatArray } from './array-shape.ts';

/** As PostgreSQL's array_in reads it: every element but NULL in quotes. */
export function arrayLiteral(array: FlatArray<string | null>): string {
  return literalOf(nest({ ...array, elements: array.elements.map(quoted) }));
}

function literalOf(parts: readonly unknown[]): string {
  return `{${parts.map((part) => (Array.isArray(part) ? literalOf(part) : part)).join(',')}}`;
}

function quoted(element: string | null): string {
  return element === null ? 'NULL' : `"${element.replace(/["\\]/g, '\\$&')}"`;
}

/** What `arrayLiteral` was given. */
export function parseArrayLiteral(text: string): FlatArray<string | null> {
  const elements: (string | null)[] = [];
  const lengths: number[] = [];
  let depth = 0;
  /** Of each dimension, the parts that its present array has so far. */
  const counts: number[] = [];
  for (const [token] of text.matchAll(/[{}]|"(?:[^"\\]|\\.)*"|NULL/gs)) {
    if (token === '}') {
      depth -= 1;
      lengths[depth] = counts[depth] ?? 0;
      continue;
    }
    if (depth > 0) counts[depth - 1] = (counts[depth - 1] ?? 0) + 1;
    if (token === '{') {
      counts[depth] = 0;
      depth += 1;
    } else {
      elements.push(token === 'NULL' ? null : token.slice(1, -1).replace(/\\(.)/gs, '$1'));
    }
  }
  return { lengths: elements.length === 0 ? [] : lengths, elements };
}
