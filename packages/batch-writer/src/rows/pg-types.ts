/** A type with a binary form that rows are sent in. */
export type ScalarType =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'uuid'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'json'
  | 'jsonb'
  | 'bytea';

/**
 * The type of a column. `unknown` is any other type (`inet`, `interval`, `geometry`): its values are strings in the
 * type's input syntax, and all of its table's rows are sent as text.
 */
export type PgType = ScalarType | `${ScalarType}[]` | 'unknown';

/** What becomes of U+0000, which PostgreSQL's text and jsonb cannot hold: the row is refused, or the character goes. */
export type NulPolicy = 'reject' | 'strip';

export interface ColumnSpec {
  readonly name: string;
  readonly type: PgType;
  readonly nul: NulPolicy;
  readonly isKey: boolean;
}

/** A value as a decoded row holds it. */
export type PgValue =
  null | boolean | number | bigint | string | Uint8Array | JsonObject | readonly PgValue[];

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export type JsonValue = null | boolean | number | string | JsonObject | readonly JsonValue[];

export type DecodedRow = Readonly<Record<string, PgValue>>;
