import { createGate } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { Invalidations } from '../../src/redis/invalidations.ts';
import { KeyNames } from '../../src/redis/key-names.ts';
import type { Send } from '../../src/redis/redis-client.ts';

function create(send: Send, maxKeys = 3) {
  const told: string[] = [];
  const invalidations = new Invalidations({
    names: new KeyNames('c:'),
    maxKeys,
    send,
    onOverflow: () => told.push('overflow'),
    onDeleted: (keys) => told.push(`deleted ${keys}`),
  });
  return { invalidations, told };
}

describe('Invalidations', () => {
  it('makes a key miss until it has been deleted', async () => {
    const gate = createGate();
    const { invalidations } = create(() => gate.pass());
    invalidations.add(['c:a']);

    const drained = invalidations.drain();

    expect(invalidations.mustMiss('c:a')).toBe(true);
    expect(invalidations.mustMiss('c:b')).toBe(false);
    gate.open();
    await drained;
    expect(invalidations.mustMiss('c:a')).toBe(false);
  });

  it('deletes a key again that was added again while its deletion was on its way', async () => {
    const gate = createGate();
    const sent: unknown[] = [];
    const { invalidations } = create((...command) => {
      sent.push(command);
      return gate.pass();
    });
    invalidations.add(['c:a']);
    const drained = invalidations.drain();
    invalidations.add(['c:a']);

    gate.open();
    await drained;

    expect(sent).toEqual([
      ['UNLINK', 'c:a'],
      ['UNLINK', 'c:a'],
    ]);
  });

  it('keeps what it could not delete', async () => {
    let isBroken = true;
    const { invalidations, told } = create(() =>
      isBroken ? Promise.reject(new Error('OOM')) : Promise.resolve(1),
    );
    invalidations.add(['c:a']);

    await invalidations.drain();
    expect(invalidations.mustMiss('c:a')).toBe(true);
    isBroken = false;
    await invalidations.drain();

    expect(invalidations.isEmpty).toBe(true);
    expect(told).toEqual(['deleted 1']);
  });

  it('has nothing to delete when a newer value was written', async () => {
    const { invalidations, told } = create(() => Promise.resolve(1));
    invalidations.add(['c:a']);
    invalidations.forget(['c:a'], invalidations.serial);

    await invalidations.drain();

    expect(invalidations.isEmpty).toBe(true);
    expect(told).toEqual([]);
  });

  it('still deletes what was added after the value was sent', async () => {
    const { invalidations, told } = create(() => Promise.resolve(1));
    invalidations.add(['c:a']);
    const sentAt = invalidations.serial;
    invalidations.add(['c:a']);
    invalidations.forget(['c:a', 'c:b'], sentAt);

    expect(invalidations.mustMiss('c:a')).toBe(true);
    await invalidations.drain();

    expect(told).toEqual(['deleted 1']);
  });

  it('beyond its bound makes every key miss until all but its own are deleted', async () => {
    const sent: unknown[] = [];
    const pages = [
      ['5', ['c:a', 'c:~count:n']],
      ['0', ['c:z']],
    ];
    const { invalidations, told } = create((...command) => {
      sent.push(command);
      return Promise.resolve(command[0] === 'SCAN' ? pages.shift() : 1);
    });

    invalidations.add(['c:1', 'c:2', 'c:3', 'c:4']);

    expect(invalidations.mustMiss('c:never-written')).toBe(true);
    expect(invalidations.size).toBe(0);
    await invalidations.drain();
    expect(invalidations.isEmpty).toBe(true);
    expect(sent).toEqual([
      ['SCAN', '0', 'MATCH', 'c:*', 'COUNT', '1000'],
      ['UNLINK', 'c:a'],
      ['SCAN', '5', 'MATCH', 'c:*', 'COUNT', '1000'],
      ['UNLINK', 'c:z'],
    ]);
    expect(told).toEqual(['overflow', 'deleted 1', 'deleted 1']);
  });

  it('remembers what fails while everything is being deleted, and does not sweep for it', async () => {
    const gate = createGate();
    const sent: string[] = [];
    const { invalidations } = create(async (command) => {
      sent.push(command);
      await gate.pass();
      return command === 'SCAN' ? ['0', []] : 1;
    });
    invalidations.add(['c:1', 'c:2', 'c:3', 'c:4']);
    const drained = invalidations.drain();

    invalidations.add(['c:5']);
    gate.open();
    await drained;

    expect(sent).toEqual(['SCAN', 'UNLINK']);
    expect(invalidations.isEmpty).toBe(true);
  });

  it('sweeps again when it overflows during a sweep', async () => {
    const gate = createGate();
    const sent: string[] = [];
    const { invalidations } = create(async (command) => {
      sent.push(command);
      await gate.pass();
      return ['0', []];
    });
    invalidations.add(['c:1', 'c:2', 'c:3', 'c:4']);
    const drained = invalidations.drain();

    invalidations.add(['c:5', 'c:6', 'c:7', 'c:8']);
    gate.open();
    await drained;

    expect(sent).toEqual(['SCAN', 'SCAN']);
    expect(invalidations.isEmpty).toBe(true);
  });

  it('takes a prefix that is a pattern for plain text', async () => {
    const patterns: unknown[] = [];
    const invalidations = new Invalidations({
      names: new KeyNames('a[b]*?\\'),
      maxKeys: 1,
      send: (...command) => {
        patterns.push(command[3]);
        return Promise.resolve(['0', []]);
      },
      onOverflow: () => undefined,
      onDeleted: () => undefined,
    });
    invalidations.add(['1', '2']);

    await invalidations.drain();

    expect(patterns).toEqual(['a\\[b\\]\\*\\?\\\\*']);
  });
});
