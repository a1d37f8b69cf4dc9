import { createArrayCodec } from './arrays.ts';
import { boolCodec } from './bool.ts';
import { byteaCodec } from './bytea.ts';
import type { Codec } from './codec.ts';
import { dateCodec } from './date.ts';
import { float4Codec, float8Codec } from './floats.ts';
import { int2Codec, int4Codec, int8Codec } from './integers.ts';
import { createJsonbCodec, createJsonCodec } from './json.ts';
import { numericCodec } from './numeric.ts';
import type { NulPolicy, PgType, ScalarType } from './pg-types.ts';
import { createTextCodec, createUnknownCodec } from './text.ts';
import { timestampCodec, timestamptzCodec } from './timestamps.ts';
import { uuidCodec } from './uuid.ts';

/** @param nul only matters to `text`, `json`, `jsonb`, arrays of them and `unknown`. Default `reject`. */
export function codecOf(type: PgType, nul: NulPolicy = 'reject'): Codec {
  return CODECS[nul][type];
}

/** The type with this OID. Undefined: it is sent as `unknown`. */
export function pgTypeOf(oid: number): PgType | undefined {
  return TYPES.get(oid);
}

export function isPgType(type: unknown): type is PgType {
  return typeof type === 'string' && Object.hasOwn(CODECS.reject, type);
}

/** Whether rows can be ordered by a column of this type. */
export function hasOrder(type: PgType): boolean {
  return codecOf(type).orderOf !== undefined;
}

const CODECS = { reject: createCodecs('reject'), strip: createCodecs('strip') } as const;

const TYPES: ReadonlyMap<number, PgType> = new Map(
  (Object.keys(CODECS.reject) as PgType[])
    .filter((type) => type !== 'unknown')
    .map((type) => [CODECS.reject[type].oid, type]),
);

function createCodecs(nul: NulPolicy): Readonly<Record<PgType, Codec>> {
  const scalars: Readonly<Record<ScalarType, Codec>> = {
    bool: boolCodec,
    int2: int2Codec,
    int4: int4Codec,
    int8: int8Codec,
    float4: float4Codec,
    float8: float8Codec,
    numeric: numericCodec,
    text: createTextCodec(nul),
    uuid: uuidCodec,
    date: dateCodec,
    timestamp: timestampCodec,
    timestamptz: timestamptzCodec,
    json: createJsonCodec(nul),
    jsonb: createJsonbCodec(nul),
    bytea: byteaCodec,
  };
  const arrays = Object.entries(scalars).map(([type, codec]) => [
    `${type}[]`,
    createArrayCodec(codec, type.startsWith('json') ? 'json' : 'plain'),
  ]);
  return {
    ...scalars,
    ...(Object.fromEntries(arrays) as Record<`${ScalarType}[]`, Codec>),
    unknown: createUnknownCodec(nul),
  };
}
