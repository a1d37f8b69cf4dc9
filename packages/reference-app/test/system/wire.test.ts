import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeTopic, parseHello, parseNodeTopic, parseTelemetry } from '../../src/system/wire.ts';

/** No lone surrogates, which percent-encoding refuses (String.prototype.isWellFormed needs a newer ECMAScript library). */
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

describe('topics', () => {
  it('carry any uid there and back', () => {
    const uid = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
      .filter((text) => !text.includes('\0') && isWellFormed(text) && text.length <= 200);
    fc.assert(
      fc.property(uid, (name) => {
        const topic = nodeTopic('root', name, 'hello');

        expect(topic).not.toMatch(/[+#]/);
        expect(topic.split('/')).toHaveLength(4);
        expect(parseNodeTopic('root', topic)).toEqual({ kind: 'hello', uid: name });
      }),
    );
  });

  it.each([
    'other/node/a/hello',
    'root/node/a/goodbye',
    'root/node//hello',
    'root/node/a/hello/more',
    'root/node/%00/hello',
    'root/node/%E0%A4%A/hello',
    `root/node/${'x'.repeat(201)}/hello`,
  ])('%s is none of ours', (topic) => {
    expect(parseNodeTopic('root', topic)).toBeUndefined();
  });
});

describe('parseHello', () => {
  it('puts a node without a zone into the default one', () => {
    expect(parseHello('{}')).toEqual({ zone: 'default' });
    expect(parseHello('{"zone":"a","more":1}')).toEqual({ zone: 'a' });
  });

  it.each(['', 'hello', '[]', '{"zone":""}', '{"zone":"a\\u0000b"}', '{"zone":5}'])(
    'refuses %s',
    (body) => {
      expect(() => parseHello(body)).toThrow();
    },
  );
});

describe('parseTelemetry', () => {
  it('keeps the values as they came', () => {
    const body = '{"ts":"2020-09-06T22:00:00Z","seq":3,"values":{"a":1,"b":null,"c":"NaN"}}';

    expect(parseTelemetry(body)).toEqual({
      ts: Date.UTC(2020, 8, 6, 22) * 1000,
      seq: 3,
      values: { a: 1, b: null, c: 'NaN' },
    });
  });

  it.each([
    '{"ts":"2020-09-06T22:00:00Z","seq":3,"values":{"a":NaN}}',
    '{"ts":"never","seq":3,"values":{}}',
    '{"ts":"2020-09-06T22:00:00Z","seq":-1,"values":{}}',
    '{"ts":"2020-09-06T22:00:00Z","seq":1,"values":[1]}',
    '{"ts":"2020-09-06T22:00:00Z","seq":1}',
    '{"ts":"2020-09-06T22:00:00Z","seq":1,"values":{"":1}}',
    '{"ts":"2020-09-06T22:00:00Z","seq":1,"values":{"\\udc00":1}}',
  ])('refuses %s', (body) => {
    expect(() => parseTelemetry(body)).toThrow();
  });
});
