import { isHoldfastError } from '@holdfast/internal';
import type { Classifier, Judgement } from '../judgement.ts';
import { NOT_WRITEABLE } from './redis-client.ts';

type Answer = Pick<Judgement, 'verdict' | 'retry' | 'applied'>;

const AGAIN: Answer = { verdict: 'failure', retry: true, applied: 'no' };
/** Repeated only for calls that are idempotent. */
const AMBIGUOUS: Answer = { verdict: 'failure', retry: true, applied: 'maybe' };
const BROKEN: Answer = { verdict: 'failure', retry: false, applied: 'no' };
const CALLERS_FAULT: Answer = { verdict: 'ignore', retry: false, applied: 'no' };

/**
 * Judges the errors of ioredis, and of `guardRedis`. Leaves others, and all values, to the next classifier. Sources: the
 * messages of ioredis 5 and 6, and the error codes of Redis (redis.io, "RESP protocol spec", Simple errors).
 */
export const redisErrors: Classifier = (outcome) =>
  outcome.ok ? undefined : judgeRedisError(outcome.error);

export function judgeRedisError(error: unknown): Partial<Judgement> | undefined {
  if (isHoldfastError(error)) return labelled(OURS[error.code], error.code);
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'ReplyError') {
    const code = /^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? '';
    return labelled(REPLIES[code], code);
  }
  return labelled(CLIENT_NAMES[nameOf(error)] ?? byMessage(error.message), error.message);
}

const OURS: Readonly<Record<string, Answer>> = {
  TIMEOUT: AMBIGUOUS,
  DEADLINE_EXCEEDED: AMBIGUOUS,
  REDIS_UNAVAILABLE: AGAIN,
  REDIS_WRITE_UNKNOWN: AMBIGUOUS,
};

const REPLIES: Readonly<Record<string, Answer>> = {
  LOADING: AGAIN,
  MASTERDOWN: AGAIN,
  CLUSTERDOWN: AGAIN,
  TRYAGAIN: AGAIN,
  NOREPLICAS: AGAIN,
  // A replica answered: another attempt helps after a reconnect.
  READONLY: AGAIN,
  OOM: BROKEN,
  MISCONF: BROKEN,
  BUSY: BROKEN,
  NOAUTH: BROKEN,
  WRONGPASS: BROKEN,
  NOPERM: BROKEN,
  WRONGTYPE: CALLERS_FAULT,
  ERR: CALLERS_FAULT,
  NOSCRIPT: CALLERS_FAULT,
  EXECABORT: CALLERS_FAULT,
  UNKILLABLE: CALLERS_FAULT,
};

const CLIENT_NAMES: Readonly<Record<string, Answer>> = {
  MaxRetriesPerRequestError: AMBIGUOUS,
  AbortError: AMBIGUOUS,
  ClusterAllFailedError: AGAIN,
};

/** A caller's abort has the name `AbortError` as well; only the client's tells its command. */
function nameOf(error: Error): string {
  return error.name === 'AbortError' && !('command' in error) ? '' : error.name;
}

function byMessage(message: string): Answer | undefined {
  if (message.startsWith(NOT_WRITEABLE)) return AGAIN;
  if (message.startsWith('None of startup nodes is available')) return AGAIN;
  // ioredis gives up the wait, not the command: it may still be applied (redis/ioredis#2130).
  if (message === 'Command timed out') return AMBIGUOUS;
  // Also said of commands that have been written already.
  if (message === 'Connection is closed.') return AMBIGUOUS;
  return undefined;
}

function labelled(answer: Answer | undefined, what: string): Partial<Judgement> | undefined {
  return answer === undefined ? undefined : { ...answer, label: `redis ${what}` };
}
