import { describe, expect, it, vi } from 'vitest';
import { HoldfastError, isHoldfastError } from '@holdfast/internal';

describe('HoldfastError', () => {
  it('carries code, message and cause', () => {
    const cause = new Error('below');
    const error = new HoldfastError('LOCK_TIMEOUT', 'waited too long', { cause });

    expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', message: 'waited too long', cause });
    expect(error).toBeInstanceOf(Error);
  });

  it('is recognised by its code, and by the brand of another copy of the package', async () => {
    vi.resetModules();
    const copy = await import('../src/holdfast-error.ts');
    const error = new copy.HoldfastError('TIMEOUT', 'late');

    expect(error).not.toBeInstanceOf(HoldfastError);
    expect(isHoldfastError(error)).toBe(true);
    expect(isHoldfastError(error, 'TIMEOUT')).toBe(true);
    expect(isHoldfastError(error, 'LOCK_TIMEOUT')).toBe(false);
  });

  it.each([undefined, null, 'TIMEOUT', new Error('x'), { code: 'TIMEOUT' }])(
    'is not %s',
    (value) => {
      expect(isHoldfastError(value)).toBe(false);
    },
  );
});
