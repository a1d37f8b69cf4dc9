import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisGate } from '../src/two-tier/redis-gate.ts';

interface Sent {
  readonly command: string;
  readonly args: readonly (string | number)[];
  answer(reply: unknown): void;
}

let clock: FakeClock;
let sent: Sent[];
let failures: unknown[];
let gate: RedisGate;

beforeEach(() => {
  clock = createFakeClock();
  sent = [];
  failures = [];
  gate = createGate((command, ...args) => {
    return new Promise((resolve) => sent.push({ command, args, answer: resolve }));
  });
});

function createGate(
  call: (command: string, ...args: (string | number)[]) => Promise<unknown>,
): RedisGate {
  return new RedisGate({
    redis: { call },
    key: 'gate',
    value: 'id me',
    ttlMs: 1_000,
    timeoutMs: 100,
    clock,
    onDown: (error) => failures.push(error),
  });
}

async function enter(reply: unknown): Promise<unknown> {
  const entering = gate.enter();
  await clock.advance(0);
  sent.at(-1)?.answer(reply);
  return entering;
}

describe('a gate', () => {
  it('tells apart that it is ours, that somebody has it, and that Redis does not answer', async () => {
    expect(await enter('OK')).toEqual({ state: 'entered' });
    expect(await enter(null)).toEqual({ state: 'held' });
    const entering = gate.enter();
    await clock.advance(100);

    expect(await entering).toMatchObject({ state: 'down', error: { code: 'REDIS_TIMEOUT' } });
    expect(sent[0]).toMatchObject({ command: 'SET', args: ['gate', 'id me', 'PX', 1_000, 'NX'] });
    expect(clock.pending()).toBe(0);
  });

  it('takes an error for no answer, also of a client that throws at once', async () => {
    const rejected = new Error('READONLY');
    const thrown = new Error('Connection is closed.');
    const rejecting = createGate(() => Promise.reject(rejected));
    const throwing = createGate(() => {
      throw thrown;
    });

    expect(await rejecting.enter()).toEqual({ state: 'down', error: rejected });
    expect(await throwing.enter()).toEqual({ state: 'down', error: thrown });
    expect(failures).toEqual([rejected, thrown]);
    expect(clock.pending()).toBe(0);
  });

  it('is left also when the answer to entering was lost, and without a wait', async () => {
    const entering = gate.enter();
    await clock.advance(100);
    await entering;
    await gate.leave();

    expect(sent.map(({ command }) => command)).toEqual(['SET', 'EVAL']);
    await clock.advance(100);
    expect(clock.pending()).toBe(0);
  });

  it('is not left when somebody else has it, and not twice', async () => {
    await enter(null);
    await gate.leave();
    const others = sent.length;
    await enter('OK');
    const leaving = [gate.leave(), gate.leave()];
    await clock.advance(0);
    sent.at(-1)?.answer(1);
    await Promise.all(leaving);

    expect(others).toBe(1);
    expect(sent.map(({ command }) => command)).toEqual(['SET', 'SET', 'EVAL']);
  });

  it('is extended once a quarter of its time has passed', async () => {
    await enter('OK');
    gate.extendSoon();
    await clock.advance(249);
    gate.extendSoon();
    const before = sent.length;
    await clock.advance(1);
    gate.extendSoon();
    gate.extendSoon();
    await clock.advance(0);

    expect(before).toBe(1);
    expect(sent).toHaveLength(2);
    sent.at(-1)?.answer(1);
  });
});
