import { describe, expect, it } from 'vitest';
import { createDeferred } from '@holdfast/internal';

describe('createDeferred', () => {
  it('settles its promise once, from outside', async () => {
    const fulfilled = createDeferred<number>();
    const rejected = createDeferred<number>();

    fulfilled.resolve(1);
    fulfilled.resolve(2);
    rejected.reject('no');

    await expect(fulfilled.promise).resolves.toBe(1);
    await expect(rejected.promise).rejects.toBe('no');
  });
});
