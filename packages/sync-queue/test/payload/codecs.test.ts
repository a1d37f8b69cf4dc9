import { randomBytes } from 'node:crypto';
import { createQueue, memoryStore, sealedCodec, versionedCodec } from '@holdfast/sync-queue';
import fc from 'fast-check';
import { expect, test } from 'vitest';

interface Note {
  readonly text: string;
}

const first = versionedCodec<{ body: string }>({ version: 1 });
const third = versionedCodec<Note>({
  version: 3,
  migrations: {
    1: (old) => ({ content: (old as { body: string }).body }),
    2: (old) => ({ text: (old as { content: string }).content }),
  },
});
const bytesOf = (encoded: string | Uint8Array): Uint8Array => Buffer.from(encoded as Uint8Array);
const keys = { old: randomBytes(32), new: randomBytes(32) };

test('migrates what older versions have written, step by step', () => {
  expect(third.decode(bytesOf(first.encode({ body: 'hello' })))).toEqual({ text: 'hello' });
  expect(third.decode(bytesOf(third.encode({ text: 'now' })))).toEqual({ text: 'now' });
});

test('refuses a version that it does not know', () => {
  const fourth = versionedCodec({ version: 4 });

  expect(() => third.decode(bytesOf(fourth.encode({})))).toThrow(
    expect.objectContaining({ code: 'PAYLOAD_VERSION_UNKNOWN', version: 4 }),
  );
  expect(() => fourth.decode(bytesOf(first.encode({ body: '' })))).toThrow('has version 1');
  expect(() => third.decode(Buffer.from('{}'))).toThrow(
    expect.objectContaining({ code: 'PAYLOAD_DAMAGED' }),
  );
});

test('refuses a gap in the migrations, and versions out of range', () => {
  const nothing = (old: unknown): unknown => old;
  expect(() => versionedCodec({ version: 3, migrations: { 1: nothing } })).toThrow(
    'migrations[2] must be a function',
  );
  expect(() => versionedCodec({ version: 0 })).toThrow('version must be an integer');
  expect(() => versionedCodec({ version: 2, migrations: { 2: nothing } })).toThrow(
    'a version of migrations',
  );
  expect(() => versionedCodec({ version: 1, inners: 1 } as never)).toThrow(
    'inners is not an option',
  );
});

test('seals any value, and opens it with the key that it was sealed with', () => {
  const before = sealedCodec(first, { keys: { old: keys.old }, current: 'old' });
  const after = sealedCodec(first, { keys, current: 'new' });
  fc.assert(
    fc.property(fc.string(), (body) => {
      const sealed = bytesOf(before.encode({ body }));
      expect(after.decode(sealed)).toEqual({ body });
      expect(after.decode(bytesOf(after.encode({ body })))).toEqual({ body });
      if (body.length > 3) expect(Buffer.from(sealed).includes(body)).toBe(false);
    }),
  );
});

test('says which key is missing, and opens nothing that was changed anywhere', () => {
  const after = sealedCodec(first, { keys, current: 'new', aad: 'notes' });
  const sealed = bytesOf(after.encode({ body: 'secret' }));
  const without = sealedCodec(first, { keys: { old: keys.old }, current: 'old', aad: 'notes' });

  expect(() => without.decode(sealed)).toThrow(
    expect.objectContaining({ code: 'PAYLOAD_KEY_MISSING', keyId: 'new' }),
  );
  for (let place = 0; place < sealed.length; place += 1) {
    const changed = Buffer.from(sealed);
    changed[place]! ^= 1;
    expect(() => after.decode(changed)).toThrow();
  }
  const elsewhere = sealedCodec(first, { keys, current: 'new', aad: 'other' });
  expect(() => elsewhere.decode(sealed)).toThrow(
    expect.objectContaining({ code: 'PAYLOAD_DAMAGED' }),
  );
  expect(() => after.decode(sealed.subarray(0, 20))).toThrow('it is not sealed');
});

test('refuses keys of another size, and a current key that is not given', () => {
  expect(() => sealedCodec(first, { keys: { a: randomBytes(16) }, current: 'a' })).toThrow(
    new RangeError('the key at index 0 of keys must be a Uint8Array of 32 bytes, got 16 bytes'),
  );
  expect(() => sealedCodec(first, { keys, current: 'b' })).toThrow(
    'current must be the id of one of the 2 keys in keys',
  );
  const id = 'i'.repeat(256);
  expect(() => sealedCodec(first, { keys: { [id]: keys.old }, current: id })).toThrow(
    new RangeError('an id in keys must have 1 to 255 bytes, got 256'),
  );
});

test.each([
  ['a'.repeat(32), 'a string'],
  [undefined, 'undefined'],
  [Array.from({ length: 32 }, () => 1), 'an array'],
])('refuses %j as a key, and does not repeat it', (key, got) => {
  expect(() => sealedCodec(first, { keys: { a: key as never }, current: 'a' })).toThrow(
    new TypeError(`the key at index 0 of keys must be a Uint8Array of 32 bytes, got ${got}`),
  );
});

test('shows no key that stands in the place of its id', () => {
  const secret = 's3cret'.repeat(6);
  const refuse = (options: object): unknown => {
    try {
      return sealedCodec(first, options as never);
    } catch (error) {
      return String(error);
    }
  };

  const refused = [
    refuse({ keys: { [secret]: 'id' }, current: 'id' }),
    refuse({ keys: { [secret]: keys.old }, current: 'id' }),
    refuse({ keys: { [secret.repeat(10)]: keys.old }, current: 'id' }),
    refuse({ keys, current: secret }),
  ];
  for (const text of refused) {
    expect(text).toMatch(/^(Type|Range)Error: /);
    expect(text).not.toContain('s3cret');
  }
});

test('a queue takes them as its codec', async () => {
  const codec = sealedCodec(third, { keys, current: 'new' });
  const limits = { maxCount: 10, maxBytes: 1000 };
  await using queue = createQueue<Note>({
    name: 'q',
    store: memoryStore(),
    limits,
    overflow: 'reject',
    codec,
  });
  const seen: Note[] = [];
  queue.consume(async (batch) => void seen.push(...batch.map(({ value }) => value)));

  await queue.add({ text: 'sealed' });
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));

  expect(seen).toEqual([{ text: 'sealed' }]);
});
