import { describe, expect, it } from 'vitest';
import { createListeners } from '@holdfast/internal';

interface Events {
  readonly tick: number;
  readonly stop: string;
}

const EVENTS = { tick: true, stop: true } as const;

function nextWarning(): Promise<Error> {
  return new Promise((resolve) => process.once('warning', resolve));
}

describe('createListeners', () => {
  it('calls the listeners of an event in the order they were added', () => {
    const { on, emit } = createListeners<Events>(EVENTS);
    const seen: string[] = [];
    on('tick', (n) => seen.push(`a${n}`));
    on('tick', (n) => seen.push(`b${n}`));
    on('stop', (why) => seen.push(why));

    emit('tick', 1);

    expect(seen).toEqual(['a1', 'b1']);
  });

  it('refuses an event that there is none of, and names those that there are', () => {
    const { on } = createListeners<Events>(EVENTS);
    const onAny = on as (event: string, listener: unknown) => void;

    expect(() => onAny('error', () => undefined)).toThrow(
      new TypeError('event must be one of tick, stop, got "error"'),
    );
    expect(() => onAny('toString', () => undefined)).toThrow(TypeError);
    expect(() => onAny('tick', 'no function')).toThrow(
      new TypeError('listener must be a function, got a string'),
    );
  });

  it('removes just the one listener, once, even when the same function was added twice', () => {
    const { on, emit } = createListeners<Events>(EVENTS);
    let calls = 0;
    const listener = (): void => {
      calls += 1;
    };
    const off = on('tick', listener);
    on('tick', listener);

    off();
    off();
    emit('tick', 1);

    expect(calls).toBe(1);
  });

  it('goes on to the next listener when one throws, and warns about it', async () => {
    const { on, emit } = createListeners<Events>(EVENTS);
    const warning = nextWarning();
    let reached = false;
    on('tick', () => {
      throw new Error('broken listener');
    });
    on('tick', () => (reached = true));

    expect(() => emit('tick', 1)).not.toThrow();

    expect(reached).toBe(true);
    await expect(warning).resolves.toMatchObject({
      name: 'HoldfastListenerWarning',
      message: expect.stringContaining('broken listener') as string,
    });
  });

  it.each([undefined, Object.create(null) as object, Object.assign(new Error(), { stack: {} })])(
    'bears a listener that throws anything at all (%#)',
    async (thrown) => {
      const { on, emit } = createListeners<Events>(EVENTS);
      const warning = nextWarning();
      on('tick', () => {
        throw thrown;
      });

      expect(() => emit('tick', 1)).not.toThrow();

      await expect(warning).resolves.toMatchObject({ name: 'HoldfastListenerWarning' });
    },
  );

  it('delivers an event to the listeners that were there when it was emitted', () => {
    const { on, emit } = createListeners<Events>(EVENTS);
    const seen: string[] = [];
    const off = on('tick', () => {
      seen.push('first');
      off();
      on('tick', () => seen.push('added'));
    });
    on('tick', () => seen.push('second'));

    emit('tick', 1);
    emit('tick', 2);

    expect(seen).toEqual(['first', 'second', 'second', 'added']);
  });
});
