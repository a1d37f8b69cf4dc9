import { int64At, writeInt64 } from './integers.ts';
import type { Codec } from './codec.ts';
import { instantOf, isoInstant, isoOfPgInstant, pgInstant } from './instant.ts';

export const timestamptzCodec = createTimestampCodec({ oid: 1184, arrayOid: 1185, offset: '+00' });

/** Without a time zone: the time of day in UTC. */
export const timestampCodec = createTimestampCodec({ oid: 1114, arrayOid: 1115, offset: '' });

interface TimestampKind {
  readonly oid: number;
  readonly arrayOid: number;
  readonly offset: '+00' | '';
}

/** An int64 of microseconds since 2000. */
function createTimestampCodec({ oid, arrayOid, offset }: TimestampKind): Codec {
  return {
    oid,
    arrayOid,
    isBytewise: true,
    write: (out, value) => writeInt64(out, instantOf(value)),
    text: (value) => pgInstant(instantOf(value), offset),
    read: (bytes, at) => isoInstant(int64At(bytes, at)),
    parse: isoOfPgInstant,
    orderOf: int64At,
  };
}
