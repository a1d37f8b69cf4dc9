import { describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteTable } from '@holdfast/internal';

describe('quoteIdentifier', () => {
  it('quotes any name, and doubles the quotes in it', () => {
    expect(quoteIdentifier('order')).toBe('"order"');
    expect(quoteIdentifier('Weird "name"; drop table x')).toBe('"Weird ""name""; drop table x"');
  });

  it('refuses what cannot be an identifier', () => {
    expect(() => quoteIdentifier('')).toThrow(TypeError);
    expect(() => quoteIdentifier('a\0b')).toThrow(
      'an identifier must be a non-empty string without NUL, got "a\\u0000b"',
    );
  });
});

describe('quoteTable', () => {
  it('puts the schema in front where there is one', () => {
    expect(quoteTable({ table: 'samples' })).toBe('"samples"');
    expect(quoteTable({ schema: 'iot', table: 'samples' })).toBe('"iot"."samples"');
  });
});
