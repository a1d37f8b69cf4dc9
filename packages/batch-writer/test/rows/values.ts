import fc from 'fast-check';
import type { PgType, ScalarType } from '../../src/rows/pg-types.ts';

const INT8 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

function integers(bits: number): fc.Arbitrary<unknown> {
  const limit = 2 ** (bits - 1);
  const range = { min: -limit, max: limit - 1 };
  return fc.oneof(fc.integer(range), fc.integer(range).map(BigInt), fc.integer(range).map(String));
}

const digits = fc.string({
  unit: fc.constantFrom(...Array.from({ length: 10 }, (_, digit) => String(digit))),
  minLength: 1,
  maxLength: 60,
});

const decimals = fc
  .record({
    sign: fc.constantFrom('', '-', '+'),
    whole: digits,
    fraction: fc.option(fc.oneof(digits, fc.constantFrom('0', '00', '5000', '0001'))),
    exponent: fc.option(fc.integer({ min: -80, max: 80 })),
  })
  .map(
    ({ sign, whole, fraction, exponent }) =>
      `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
  );

export const isoTimes = fc
  .record({
    // Years of four digits, which PostgreSQL reads in the same notation.
    date: fc.date({
      min: new Date('0001-01-02'),
      max: new Date('9999-12-30'),
      noInvalidDate: true,
    }),
    micros: fc.integer({ min: 0, max: 999_999 }),
    places: fc.integer({ min: 0, max: 6 }),
    between: fc.constantFrom('T', 't', ' '),
    offset: fc.oneof(
      fc.constantFrom('Z', 'z', '+00', '-0330', '+05:30', '-15:59:59', '+15', ' +01:00'),
    ),
  })
  .map(({ date, micros, places, between, offset }) => {
    const [day, time] = date.toISOString().split('T') as [string, string];
    const fraction = places === 0 ? '' : `.${String(micros).padStart(6, '0').slice(0, places)}`;
    return `${day}${between}${time.slice(0, 8)}${fraction}${offset}`;
  });

const times = fc.oneof(
  fc.date({ min: new Date('-004713-11-24'), noInvalidDate: true }),
  isoTimes,
  fc.bigInt({ min: -210_866_803_200_000_000n, max: 9_224_318_015_999_999_999n }),
  fc.constantFrom(
    'infinity',
    '-infinity',
    '-004713-11-24T00:00:00Z',
    '+294276-12-31T23:59:59.999999Z',
    '0001-01-01T00:00:00Z',
    '0000-12-31T23:59:59.9Z',
    '2024-02-29T24:00:00+01',
    '1999-12-31T23:59:59.999999Z',
  ),
);

const days = fc.oneof(
  fc.date({ min: new Date('-004713-11-24'), noInvalidDate: true }),
  fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
  fc.constantFrom('infinity', '-infinity', '-004713-11-24', '+5874897-12-31', '0000-02-29'),
);

/** Without what the type cannot hold: NUL. The unit knows no lone surrogates. */
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }).map((text) => text.replaceAll('\u0000', '')),
  fc.constantFrom(
    '',
    '\\',
    '\\.',
    '\\N',
    'NULL',
    '{}',
    '"',
    '\t\n\r\v',
    '\u{1F600}\ufeff',
    '\ufeff',
  ),
  fc.integer({ min: 1, max: 5000 }).map((count) => 'lä\u{1F600}ng\\"\t'.repeat(count)),
);

const documents = fc
  .oneof(
    fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 }),
    fc.constantFrom<unknown[]>(
      '\\u0000',
      [[1, 2], [3]],
      { a: [null, 'x"y\n'] },
      'null',
      [null],
      1e21,
    ),
    fc
      .integer({ min: 1, max: 500 })
      .map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown),
  )
  .filter((value) => value !== null);

const SCALARS: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int2: integers(16),
  int4: integers(32),
  int8: fc.oneof(
    fc.bigInt(INT8),
    fc.bigInt(INT8).map(String),
    fc.maxSafeInteger(),
    fc.constantFrom(2n ** 53n + 1n, INT8.min, INT8.max, 0, -0),
  ),
  float4: fc.oneof(fc.float(), fc.constantFrom(0.1, -0, 1e-50, NaN)),
  float8: fc.oneof(fc.double(), fc.constantFrom(-0, NaN, 5e-324, 2 ** 53)),
  numeric: fc.oneof(
    decimals,
    fc.double({ noNaN: true }),
    fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }),
    fc.constantFrom<unknown[]>(
      NaN,
      'NaN',
      Infinity,
      '-Infinity',
      '0',
      '-0.00',
      '.5',
      '5.',
      '10000',
      '1e-16383',
    ),
  ),
  text: texts,
  uuid: fc.oneof(
    fc.uuid(),
    fc.uuid().map((text) => text.toUpperCase()),
  ),
  date: days,
  timestamp: times,
  timestamptz: times,
  json: documents,
  jsonb: documents.filter((value) => !/(?<!\\)(?:\\\\)*\\u0000/.test(JSON.stringify(value))),
  bytea: fc.uint8Array({ maxLength: 100 }),
};

/** Empty arrays, NULL elements, and up to three dimensions; of json one. */
function arraysOf(type: ScalarType): fc.Arbitrary<unknown> {
  const element = fc.option(SCALARS[type], { freq: 8 });
  const flat = fc.array(element, { maxLength: 5 });
  if (type === 'json' || type === 'jsonb') return flat;
  const nested = fc.tuple(...lengths).chain(([a, b, c]) => {
    const row = fc.array(element, { minLength: a, maxLength: a });
    const plane = fc.array(row, { minLength: b, maxLength: b });
    return fc.oneof(plane, fc.array(plane, { minLength: c, maxLength: c }));
  });
  return fc.oneof({ arbitrary: flat, weight: 2 }, { arbitrary: nested, weight: 1 });
}

const lengths = [1, 2, 3].map(() => fc.integer({ min: 1, max: 3 })) as [
  fc.Arbitrary<number>,
  fc.Arbitrary<number>,
  fc.Arbitrary<number>,
];

/** Values of every type that has a binary form: null and whatever fits. */
export const VALUES = Object.fromEntries(
  (Object.keys(SCALARS) as ScalarType[]).flatMap((type): [PgType, fc.Arbitrary<unknown>][] => [
    [type, fc.option(SCALARS[type], { freq: 10 })],
    [`${type}[]`, fc.option(arraysOf(type), { freq: 10 })],
  ]),
) as Readonly<Record<Exclude<PgType, 'unknown'>, fc.Arbitrary<unknown>>>;

export const TYPES = Object.keys(VALUES) as Exclude<PgType, 'unknown'>[];
