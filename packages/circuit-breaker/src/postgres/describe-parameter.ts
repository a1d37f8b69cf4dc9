import type { ParameterView } from './query-events.ts';

/** What may be seen of a parameter. */
export function describeParameter(value: unknown, view: ParameterView): unknown {
  if (view === 'show') return value;
  const kind = kindOf(value);
  const length = view === 'redact' ? lengthOf(value) : undefined;
  return length === undefined ? kind : `${kind}(${length})`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (ArrayBuffer.isView(value)) return 'bytes';
  return value instanceof Date ? 'date' : typeof value;
}

function lengthOf(value: unknown): number | undefined {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return ArrayBuffer.isView(value) ? value.byteLength : undefined;
}
