import { expect, test } from 'vitest';
import { plainBytes } from '../src/plain-bytes.ts';

test('a clone of the bytes has these alone, not the whole buffer of which they were a part', () => {
  const part = Buffer.from('abc');
  expect(part.buffer.byteLength).toBeGreaterThan(3);

  const { buffer, constructor } = structuredClone(plainBytes(part));
  expect(buffer.byteLength).toBe(3);
  expect(constructor).toBe(Uint8Array);
});
