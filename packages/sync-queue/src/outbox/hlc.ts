import {
  requireInteger,
  requireNumber,
  requireOptions,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import { requireStorableText } from '../require-storable-text.ts';
import type { Hlc } from './op.ts';
import { HlcDriftError } from './outbox-errors.ts';

export interface HlcParts {
  /** Since the epoch, 48 bits. */
  readonly ms: number;
  /** 16 bits. */
  readonly counter: number;
  readonly node: string;
}

export interface HlcClockOptions {
  /** Tells apart what two machines do in the same millisecond. At most 100 characters. */
  readonly node: string;
  /** How far ahead of this clock another may be, milliseconds. Default 60 000. */
  readonly maxDriftMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * A hybrid logical clock: near to physical time, and never behind what it has seen. Source: Kulkarni, Demirbas and
 * others, "Logical Physical Clocks and Consistent Snapshots in Globally Distributed Databases", 2014.
 */
export interface HlcClock {
  /** A time later than every one before, also when the wall clock was set back. */
  tick(): Hlc;
  /**
   * Learns of another's time and returns a later one of its own. One in the past is always taken.
   *
   * @throws {HlcDriftError} when it is more than `maxDriftMs` ahead; nothing is changed then.
   * @throws {TypeError} when it is no such time.
   */
  observe(remote: Hlc): Hlc;
  /** Goes on after the last time that was kept over a restart, however far ahead it is. */
  resume(last: Hlc): void;
  /**
   * A time after all that were given, and after those of the next `aheadMs`: kept for `resume`, it stands for all of them,
   * so that not each has to be kept. Restarts do not add up: it is not further ahead of the wall clock than `aheadMs`, or a
   * millisecond ahead of the last time.
   */
  horizon(aheadMs: number): Hlc;
  /** Learns the server's time from an answer that took `rttMs`, so that a wrong wall clock does not matter. */
  correct(serverNowMs: number, rttMs: number): void;
}

const MAX_MS = 2 ** 48 - 1;
const MAX_COUNTER = 2 ** 16 - 1;
const FORM = /^[0-9a-f]{12}-[0-9a-f]{4}-/;

/** @throws {TypeError | RangeError} when an option is missing or out of range. */
export function createHlcClock(options: HlcClockOptions): HlcClock {
  requireOptions('createHlcClock', options, { node: true, maxDriftMs: true, clock: true });
  const node = requireStorableText('node', options.node);
  requireInteger('length of node', node.length, { max: 100 });
  const maxDriftMs = requireNumber('maxDriftMs', options.maxDriftMs ?? 60_000, { min: 0 });
  const clock = options.clock ?? systemClock;
  let offsetMs = 0;
  let last = { ms: 0, counter: 0 };

  const physical = (): number =>
    Math.min(MAX_MS, Math.max(0, Math.floor(clock.wallNow() + offsetMs)));
  const advanceTo = (ms: number): Hlc => {
    if (ms > last.ms) last = { ms, counter: 0 };
    else if (last.counter < MAX_COUNTER) last = { ms: last.ms, counter: last.counter + 1 };
    else last = { ms: last.ms + 1, counter: 0 };
    return formatHlc({ ...last, node });
  };
  const see = ({ ms, counter }: HlcParts): void => {
    if (ms > last.ms || (ms === last.ms && counter > last.counter)) last = { ms, counter };
  };

  return {
    tick: () => advanceTo(physical()),
    observe(remote) {
      const parts = parseHlc(remote);
      const aheadMs = parts.ms - physical();
      if (aheadMs > maxDriftMs) throw new HlcDriftError(remote, aheadMs, maxDriftMs);
      see(parts);
      return advanceTo(physical());
    },
    resume: (kept) => see(parseHlc(kept)),
    horizon(aheadMs) {
      requireNumber('aheadMs', aheadMs, { min: 0 });
      const ms = Math.max(Math.floor(physical() + aheadMs), last.ms + 1);
      return formatHlc({ ms: Math.min(MAX_MS, ms), counter: 0, node });
    },
    correct(serverNowMs, rttMs) {
      requireNumber('serverNowMs', serverNowMs, { min: 0 });
      requireNumber('rttMs', rttMs, { min: 0 });
      // The answer was made half a round trip ago, as far as one can know.
      offsetMs = serverNowMs + rttMs / 2 - clock.wallNow();
    },
  };
}

export function formatHlc({ ms, counter, node }: HlcParts): Hlc {
  return `${ms.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}-${node}`;
}

/** @throws {TypeError} unless `text` is a hybrid logical timestamp. */
export function parseHlc(text: Hlc): HlcParts {
  if (typeof text !== 'string' || !FORM.test(text) || text.length > 200) {
    throw new TypeError(`a hybrid logical timestamp is expected, got ${JSON.stringify(text)}`);
  }
  return {
    ms: Number.parseInt(text.slice(0, 12), 16),
    counter: Number.parseInt(text.slice(13, 17), 16),
    node: text.slice(18),
  };
}
