/** Why a single value of a message was not stored. */
export type ValueRejection = 'null' | 'not-a-number';

export type Verdict =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly reason: ValueRejection };

/** Numbers are stored as they are, booleans as 0 and 1; anything else is rejected with its reason. */
export function judgeValue(raw: unknown): Verdict {
  if (typeof raw === 'number' && Number.isFinite(raw)) return { ok: true, value: raw };
  if (typeof raw === 'boolean') return { ok: true, value: raw ? 1 : 0 };
  return { ok: false, reason: raw === null ? 'null' : 'not-a-number' };
}
