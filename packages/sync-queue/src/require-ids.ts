import { kindOf } from './kind-of.ts';
import { requireStorableText } from './require-storable-text.ts';

/** A text would be taken for its characters. @throws {TypeError} unless `ids` is an array of texts. */
export function requireIds(name: string, ids: unknown): readonly string[] {
  if (!Array.isArray(ids))
    throw new TypeError(`${name} must be an array of ids, got ${kindOf(ids)}`);
  return ids.map((id, index) => requireStorableText(`${name}[${index}]`, id));
}
