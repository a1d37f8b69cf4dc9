import {
  requireFunction,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  type OptionNames,
} from '@holdfast/internal';
import type { AddOptions, CoalesceOptions } from './adding.ts';
import { ItemTooLargeError } from './errors.ts';
import { encodePayload } from './payload/encode-payload.ts';
import type { Codec } from './queue-options.ts';
import { requireSignal } from './require-signal.ts';
import { requireStorableText } from './require-storable-text.ts';
import { requirePriority } from './resolve-overflow.ts';
import { drawOf } from './sample-draw.ts';
import type { NewItem } from './store.ts';

export interface PreparingContext<T> {
  readonly codec: Codec<T>;
  readonly maxItemBytes: number;
  readonly random: () => number;
}

const OPTIONS: OptionNames<AddOptions<unknown>> = {
  ...{ priority: true, delayMs: true, key: true, idempotencyKey: true, coalesce: true },
  ...{ sampleKey: true, transaction: true, signal: true },
};

/**
 * Makes an item of a value: encoded and checked.
 *
 * @throws {TypeError | RangeError | PayloadInvalidError | ItemTooLargeError}
 */
export function prepareItem<T>(
  value: T,
  options: AddOptions<T>,
  context: PreparingContext<T>,
): NewItem {
  requireOptions('add', options, OPTIONS);
  requireSignal(options.signal);
  const { priority = 3, delayMs = 0, key, idempotencyKey, sampleKey, coalesce } = options;
  return {
    payload: encodeValue(value, context),
    priority: requirePriority('priority', priority),
    delayMs: requireNumber('delayMs', delayMs, { min: 0 }),
    key: key === undefined ? undefined : requireStorableText('key', key),
    idempotencyKey:
      idempotencyKey === undefined
        ? undefined
        : requireStorableText('idempotencyKey', idempotencyKey),
    coalesce: coalesce === undefined ? undefined : resolveCoalesce(coalesce),
    draw:
      sampleKey === undefined
        ? context.random()
        : drawOf(requireStorableText('sampleKey', sampleKey)),
  };
}

/** @throws {PayloadInvalidError | ItemTooLargeError} */
export function encodeValue<T>(
  value: T,
  { codec, maxItemBytes }: Pick<PreparingContext<T>, 'codec' | 'maxItemBytes'>,
): Uint8Array {
  const payload = encodePayload(codec, value);
  if (payload.length > maxItemBytes) throw new ItemTooLargeError(payload.length, maxItemBytes);
  return payload;
}

function resolveCoalesce<T>(coalesce: CoalesceOptions<T>): NonNullable<NewItem['coalesce']> {
  requireObject('coalesce', coalesce);
  const mode = requireOneOf('coalesce.mode', coalesce.mode, ['replace', 'keep-first', 'fold']);
  const names = { key: true, mode: true } as const;
  requireOptionGroup('coalesce', coalesce, mode === 'fold' ? { ...names, fold: true } : names);
  if (coalesce.mode === 'fold') requireFunction('coalesce.fold', coalesce.fold);
  return { key: requireStorableText('coalesce.key', coalesce.key), mode };
}
