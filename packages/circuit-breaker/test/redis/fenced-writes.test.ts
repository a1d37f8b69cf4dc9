import { createFakeClock, createGate } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { FencedWrites, type Write } from '../../src/redis/fenced-writes.ts';
import { replyError, scriptOf, type Command } from './fake-redis.ts';

function create(answer: (command: Command) => unknown) {
  const sent: Command[] = [];
  const clock = createFakeClock();
  const send = async (...command: (string | number)[]): Promise<unknown> => {
    sent.push(command);
    return answer(command);
  };
  const writes = new FencedWrites({ guard: 'redis', keyPrefix: 'j:', clock, send });
  return { writes, sent, send, clock };
}

const increment: Write = {
  command: 'INCRBY',
  keys: ['n'],
  args: [1],
  onSent: () => undefined,
  isAbandoned: () => false,
};
const journalOf = (command: Command): unknown => command[3];
const LOST = new Error('Connection is closed.');

describe('FencedWrites', () => {
  it('opens one journal for writes that come together', async () => {
    const { writes, sent } = create(() => '1');

    await Promise.all([writes.write(increment), writes.write(increment)]);

    expect(sent.map(scriptOf)).toEqual(['open', 'write', 'write']);
    expect(new Set(sent.map(journalOf)).size).toBe(1);
  });

  it('opens one new journal when several writes find the old one gone, and fences none that was answered', async () => {
    let isGone = false;
    const { writes, sent, send } = create((command) => {
      if (scriptOf(command) !== 'write') return null;
      if (isGone && journalOf(command) === journalOf(sent[0]!)) throw replyError('FENCED gone');
      return '1';
    });
    await writes.write(increment);
    isGone = true;

    await Promise.all([writes.write(increment), writes.write(increment), writes.write(increment)]);
    writes.lose();
    await writes.fence(send);

    const journalsOf = (name: string): unknown[] =>
      sent.filter((command) => scriptOf(command) === name).map(journalOf);
    expect(journalsOf('open')).toHaveLength(2);
    expect(journalsOf('fence')).toEqual([]);
  });

  it('does not send a write when its caller was told that it was not applied', async () => {
    const gate = createGate();
    const { writes, sent } = create(() => gate.pass());
    const write = writes.write({ ...increment, isAbandoned: () => true });

    gate.open();

    await expect(write).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(sent.map(scriptOf)).toEqual(['open']);
  });

  it('does not send the text of its script for a write that was given up meanwhile', async () => {
    let isAbandoned = false;
    const { writes, sent } = create(([name, ...rest]) => {
      if (name !== 'EVALSHA' || scriptOf([name, ...rest]) !== 'write') return '1';
      isAbandoned = true;
      throw replyError('NOSCRIPT No matching script');
    });
    const write = writes.write({ ...increment, isAbandoned: () => isAbandoned });

    await expect(write).rejects.toThrow('the write was given up');
    expect(sent.map(([name]) => name)).toEqual(['EVALSHA', 'EVALSHA']);
  });

  it('does not use a journal whose connection was lost before it was confirmed', async () => {
    const gate = createGate();
    const { writes, sent } = create(() => gate.pass());
    const write = writes.write(increment);
    writes.lose();

    gate.open();

    await expect(write).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(sent.map(scriptOf)).toEqual(['open']);
  });

  it('asks again after the answer about a lost journal was lost', async () => {
    let answer: (command: Command) => unknown = () => '1';
    const { writes, send } = create((command) => answer(command));
    await writes.write(increment);
    answer = () => Promise.reject(LOST);
    const write = writes.write(increment);
    writes.lose();

    await expect(writes.fence(send)).rejects.toBe(LOST);
    answer = () => ['2:5'];
    await writes.fence(send);

    expect(await write).toBe(5);
  });

  it('does not know what became of a write when its journal is gone', async () => {
    let answer: (command: Command) => unknown = () => '1';
    const { writes, send } = create((command) => answer(command));
    await writes.write(increment);
    answer = () => Promise.reject(LOST);
    const write = writes.write(increment);
    writes.lose();
    answer = () => null;

    await Promise.all([
      writes.fence(send),
      expect(write).rejects.toMatchObject({ code: 'REDIS_WRITE_UNKNOWN' }),
    ]);
  });

  it('keeps the journal alive, once in a quarter of its time', async () => {
    const { writes, sent, clock } = create(() => '1');
    const keepMs = (): unknown => sent.at(-1)?.at(-3);
    await writes.write(increment);
    expect(keepMs()).toBe(0);

    await clock.advance(900_000);
    await writes.write(increment);
    expect(keepMs()).toBe(3_600_000);
    await writes.write(increment);
    expect(keepMs()).toBe(0);
  });

  it('lets everybody who waits for an answer go when it is closed', async () => {
    let answer: (command: Command) => unknown = () => '1';
    const { writes } = create((command) => answer(command));
    await writes.write(increment);
    answer = () => Promise.reject(LOST);
    const write = writes.write(increment);

    const unknown = expect(write).rejects.toMatchObject({ code: 'REDIS_WRITE_UNKNOWN' });
    writes.close();

    await unknown;
  });
});
