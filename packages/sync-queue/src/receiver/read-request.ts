import { requireOp } from '../outbox/require-op.ts';
import type { Op } from '../outbox/op.ts';
import type { PushRequest, WireOp } from '../outbox/wire.ts';
import { requireStorableText } from '../require-storable-text.ts';
import { textOf } from '../text-of.ts';
import { PushRequestInvalidError } from './receiver-errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/** @throws {PushRequestInvalidError} unless `value` is a request of an outbox with at most `maxOps` units. */
export function readRequest(value: unknown, maxOps: number): PushRequest {
  try {
    const request = requireFields('the request', value);
    const { ops } = request;
    if (!Array.isArray(ops)) throw new TypeError('ops is no array');
    if (ops.length > maxOps) throw new RangeError(`${ops.length} ops, at most ${maxOps} are taken`);
    const read = ops.map(readWireOp);
    if (new Set(read.map(({ key }) => key)).size < read.length) throw new TypeError('a key twice');
    return {
      clientId: requireStorableText('clientId', request['clientId']),
      streamId: requireStorableText('streamId', request['streamId']),
      ackedSeq: requireCount('ackedSeq', request['ackedSeq']),
      ops: read,
    };
  } catch (error) {
    throw new PushRequestInvalidError(textOf(error));
  }
}

/** The ops of a unit; a text: what is wrong with its body. */
export function readBody(body: string): readonly Op[] | string {
  try {
    const ops: unknown = JSON.parse(body);
    if (!Array.isArray(ops) || ops.length === 0) return 'the body holds no ops';
    return ops.map((op, index) => {
      const read = requireOp(`ops[${index}]`, op);
      if (read.at === undefined) throw new TypeError(`ops[${index}] has no time`);
      return read as Op;
    });
  } catch (error) {
    return textOf(error);
  }
}

function readWireOp(value: unknown, index: number): WireOp {
  const op = requireFields(`ops[${index}]`, value);
  const { body } = op;
  if (typeof body !== 'string') throw new TypeError(`ops[${index}].body is no text`);
  const key = requireStorableText(`ops[${index}].key`, op['key']);
  return { key, seq: requireCount(`ops[${index}].seq`, op['seq']), body };
}

function requireFields(name: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} is no object`);
  }
  return value as Fields;
}

function requireCount(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw new TypeError(`${name} is no number of a unit`);
}
