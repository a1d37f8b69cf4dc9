import type { Codec } from '../queue-options.ts';
import { encodePayload } from '../payload/encode-payload.ts';
import type { SealingCodec } from '../payload/sealed-codec.ts';
import type { Op } from './op.ts';

/** How the ops of a unit are kept, and how they are sent. */
export interface OpPayload {
  /** @throws {PayloadInvalidError} */
  encode(ops: readonly Op[]): Uint8Array;
  /** Throws what the codec throws. */
  decode(payload: Uint8Array): readonly Op[];
  /** The text that is sent, as it is kept: sealed when the codec seals. */
  freeze(body: string): Uint8Array;
  thaw(wire: Uint8Array): string;
}

export function createOpPayload(codec: Codec<readonly Op[]>): OpPayload {
  const { sealBytes, openBytes } = codec as Partial<SealingCodec<readonly Op[]>>;
  return {
    encode: (ops) => encodePayload(codec, ops),
    decode(payload) {
      const ops: unknown = codec.decode(payload);
      if (!Array.isArray(ops) || ops.length === 0) throw new TypeError('the payload holds no ops');
      return ops as readonly Op[];
    },
    freeze(body) {
      const bytes = Buffer.from(body);
      return sealBytes === undefined ? bytes : sealBytes(bytes);
    },
    thaw(wire) {
      return Buffer.from(openBytes === undefined ? wire : openBytes(wire)).toString();
    },
  };
}

/** What is sent of some ops: not the documents that they were based on, which the server has itself. */
export function wireBody(ops: readonly Op[]): string {
  return JSON.stringify(
    ops.map(({ base, ...op }) =>
      base?.version === undefined ? op : { ...op, base: { version: base.version } },
    ),
  );
}
