import { describe, expect, test } from 'vitest';
import { RowInvalidError } from '../../src/errors.ts';
import { ByteWriter } from '../../src/rows/byte-writer.ts';
import { codecOf, hasOrder, isPgType } from '../../src/rows/codecs.ts';
import type { ColumnSpec, PgType } from '../../src/rows/pg-types.ts';
import { createRowFormat, type RowFormat } from '../../src/rows/row-format.ts';

function column(name: string, type: PgType, more: Partial<ColumnSpec> = {}): ColumnSpec {
  return { name, type, nul: 'reject', isKey: false, ...more };
}

const COLUMNS = [
  column('id', 'int4', { isKey: true }),
  column('label', 'text'),
  column('ts', 'timestamptz'),
  column('doc', 'jsonb'),
];
const UNKNOWN = column('address', 'unknown');

const FORMATS = [
  { name: 'binary', columns: COLUMNS },
  { name: 'text', columns: [...COLUMNS, UNKNOWN] },
] as const;

function encode(format: RowFormat, row: object): Buffer {
  const out = new ByteWriter(1);
  format.write(out, row);
  return out.bytes.subarray(0, out.length);
}

describe.each(FORMATS)('rows in $name', ({ name, columns }) => {
  const format = createRowFormat(columns, { orderColumn: 'ts' });
  const row = { id: 1, label: 'a\tb\\', ts: new Date(0), doc: { a: 1 } };

  test('the columns choose the format', () => {
    expect(format.name).toBe(name);
  });

  test.each([
    ['id', { ...row, id: 'x' }, 'must be a safe integer, a bigint or a string of digits, got "x"'],
    ['id', { ...row, id: null }, 'a column of the key must not be null'],
    ['id', {}, 'a column of the key must not be null'],
    [
      'ts',
      { ...row, ts: undefined },
      'the column of order must have a place in it, so neither null nor NaN',
    ],
    ['doc', { ...row, doc: 1n }, 'JSON cannot hold a bigint: give a number or a string'],
    ['label', { ...row, label: 5, doc: 1n }, 'must be a string, got 5'],
  ])('a refusal names %s and leaves what was written before as it was', (bad, given, reason) => {
    const out = new ByteWriter(1);
    format.write(out, row);
    const before = Buffer.from(out.bytes.subarray(0, out.length));

    const write = (): void => format.write(out, given);

    expect(write).toThrow(new RowInvalidError(bad, reason));
    expect(write).toThrow(expect.objectContaining({ column: bad }));
    expect(out.bytes.subarray(0, out.length)).toEqual(before);
    format.write(out, row);
    expect(out.bytes.subarray(before.length, out.length)).toEqual(before);
  });

  test('the reason of a failed conversion is kept as the cause', () => {
    const cause = new Error('no');
    const doc = {
      toJSON: () => {
        throw cause;
      },
    };

    expect(() => encode(format, { ...row, doc })).toThrow(
      expect.objectContaining({ column: 'doc', cause }),
    );
  });

  test('reads each column once, from getters and prototypes too', () => {
    const reads: string[] = [];
    class Reading {
      readonly id = 7;
      get label(): string {
        reads.push('label');
        return 'x';
      }
      get ts(): Date {
        reads.push('ts');
        return new Date(1);
      }
    }

    const bytes = encode(format, new Reading());

    expect(reads).toEqual(['label', 'ts']);
    expect(format.read(bytes, 0, bytes.length)).toMatchObject({
      id: 7,
      label: 'x',
      ts: '1970-01-01T00:00:00.001Z',
      doc: null,
    });
  });

  test('what a getter throws comes out as it is, and nothing is written', () => {
    const thrown = new Error('broken getter');
    const out = new ByteWriter();
    const broken = {
      id: 1,
      get label(): string {
        throw thrown;
      },
    };

    expect(() => format.write(out, broken)).toThrow(thrown);
    expect(out.length).toBe(0);
  });

  test('a row that a getter of another one writes is refused, for it would stand inside that one', () => {
    const out = new ByteWriter();
    const outer = {
      ...row,
      get label(): string {
        format.write(out, row);
        return 'x';
      },
    };

    expect(() => format.write(out, outer)).toThrow(
      'a row cannot be written while another one is read',
    );
    expect(out.length).toBe(0);
    format.write(out, row);
    expect(out.length).toBe(encode(format, row).length);
  });

  test('rows are found by their start among others', () => {
    const out = new ByteWriter(1);
    const starts = [1, 2, 3].map((id) => {
      const start = out.length;
      format.write(out, { ...row, id, ts: BigInt(id) });
      return start;
    });
    const ends = [...starts.slice(1), out.length];

    const rows = starts.map((start, index) => format.read(out.bytes, start, ends[index]!));
    const alone = encode(format, { ...row, id: 2 });

    expect(rows.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(format.compareKeys(out.bytes, starts[1]!, alone, 0)).toBe(0);
    expect(format.compareKeys(out.bytes, starts[0]!, out.bytes, starts[2]!)).not.toBe(0);
    expect(format.hashKey(out.bytes, starts[1]!, ends[1]!)).toBe(
      format.hashKey(alone, 0, alone.length),
    );
    const places = starts.map((start, index) => format.orderOf(out.bytes, start, ends[index]!));
    expect(places).toEqual([1, 2, 3].map((micros) => micros - 946_684_800_000_000));
  });

  test('a column may have any name', () => {
    const odd = createRowFormat([
      column('__proto__', 'int4'),
      column('', 'text'),
      ...(name === 'text' ? [UNKNOWN] : []),
    ]);
    const bytes = encode(odd, JSON.parse('{"__proto__":5,"":"x"}') as object);

    const read = odd.read(bytes, 0, bytes.length);

    expect(Object.entries(read).slice(0, 2)).toEqual([
      ['__proto__', 5],
      ['', 'x'],
    ]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});

describe('the place in the order', () => {
  test.each<[PgType, unknown, number | bigint]>([
    ['int2', -3, -3],
    ['int4', 2 ** 31 - 1, 2 ** 31 - 1],
    ['int8', 5n, 5],
    ['int8', -(2n ** 53n) - 1n, -(2n ** 53n) - 1n],
    ['int8', 2n ** 63n - 1n, 2n ** 63n - 1n],
    ['float4', 0.1, Math.fround(0.1)],
    ['float8', -Infinity, -Infinity],
    ['date', '1999-12-31', -1],
    ['timestamp', '2000-01-01T00:00:00.000001Z', 1],
    ['timestamptz', '2000-01-01T01:00:00-01:00', 7_200_000_000],
    ['timestamptz', 'infinity', 2n ** 63n - 1n],
  ])('%s %o', (type, value, place) => {
    for (const more of [[], [UNKNOWN]]) {
      const format = createRowFormat([column('c', type), ...more], { orderColumn: 'c' });
      const bytes = encode(format, { c: value });
      expect(format.orderOf(bytes, 0, bytes.length)).toBe(place);
    }
  });

  test.each([[[]], [[UNKNOWN]]])('NaN has none', (more: ColumnSpec[]) => {
    const format = createRowFormat([column('c', 'float8'), ...more], { orderColumn: 'c' });

    expect(() => encode(format, { c: NaN })).toThrow(
      new RowInvalidError(
        'c',
        'the column of order must have a place in it, so neither null nor NaN',
      ),
    );
  });

  test('is 0 without a column of order', () => {
    for (const { columns } of FORMATS) {
      const format = createRowFormat(columns);
      const bytes = encode(format, { id: 1 });
      expect(format.orderOf(bytes, 0, bytes.length)).toBe(0);
    }
  });

  test('a column that is not there, or without an order, is refused at once', () => {
    expect(() => createRowFormat(COLUMNS, { orderColumn: 'tss' })).toThrow(
      new TypeError('orderColumn must be the name of a column, got "tss"'),
    );
    expect(() => createRowFormat(COLUMNS, { orderColumn: 'label' })).toThrow(
      new TypeError(
        'orderColumn must be an integer, a float, a date or a timestamp, got "label" of type text',
      ),
    );
  });
});

test('a field of a binary row is its length and its bytes', () => {
  const format = createRowFormat(COLUMNS);
  if (format.name !== 'binary') throw new Error('must be binary');
  const bytes = encode(format, { id: 9, label: null, ts: new Date(0), doc: [] });

  const starts = COLUMNS.map((_, index) => format.fieldStart(bytes, 0, index));

  expect(starts).toEqual([2, 10, 14, 26]);
  expect(starts.map((start) => bytes.readInt32BE(start))).toEqual([4, -1, 8, 3]);
});

test('a field of a text row is what the input function of its type reads', () => {
  const format = createRowFormat([...COLUMNS, UNKNOWN]);
  if (format.name !== 'text') throw new Error('must be text');
  const bytes = encode(format, { id: 9, label: '\\N\t\n', doc: [1], address: '::1' });

  expect(bytes.toString()).toBe('9\t\\\\N\\t\\n\t\\N\t[1]\t::1\n');
  expect([0, 1, 2, 3, 4].map((index) => format.fieldText(bytes, 0, index))).toEqual([
    '9',
    '\\N\t\n',
    null,
    '[1]',
    '::1',
  ]);
});

test('bytes are copied both ways', () => {
  const given = Buffer.from([1, 2, 3]);
  const format = createRowFormat([column('raw', 'bytea')]);
  const bytes = encode(format, { raw: given });
  given.fill(0);

  const { raw } = format.read(bytes, 0, bytes.length);
  bytes.fill(0);

  expect(raw).toStrictEqual(new Uint8Array([1, 2, 3]));
});

test('every type is known, and no other', () => {
  expect(isPgType('timestamp[]')).toBe(true);
  expect(isPgType('unknown')).toBe(true);
  for (const other of ['unknown[]', 'int4[][]', 'varchar', 'constructor', '', 5, undefined]) {
    expect(isPgType(other)).toBe(false);
  }
  expect(codecOf('int4').oid).toBe(23);
  expect([hasOrder('date'), hasOrder('numeric'), hasOrder('date[]')]).toEqual([true, false, false]);
});

test('a writer keeps its bytes while it grows, and text of any length is UTF-8', () => {
  const out = new ByteWriter(1);
  const texts = ['', 'a', 'ä', '\u{1F600}', 'x'.repeat(64), 'x'.repeat(65), 'ä'.repeat(1000)];

  for (const text of texts) out.utf8(text);
  out.append(new Uint8Array([1, 2]));

  expect(out.bytes.toString('utf8', 0, out.length)).toBe(`${texts.join('')}\u0001\u0002`);
});
