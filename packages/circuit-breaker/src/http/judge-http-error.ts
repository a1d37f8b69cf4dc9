import { isHoldfastError } from '@holdfast/internal';
import type { Judgement } from '../judgement.ts';
import type { ExecutionContext } from '../policy.ts';
import { socketFailureOf } from '../socket-errors.ts';

type Meaning = Omit<Judgement, 'label' | 'retryAfterMs'>;

const NEVER_SENT: Meaning = { verdict: 'failure', retry: true, applied: 'no' };
const BROKEN: Meaning = { verdict: 'failure', retry: true, applied: 'maybe' };
const ABORTED: Meaning = { verdict: 'ignore', retry: false, applied: 'maybe' };
const CALLERS_FAULT: Meaning = { verdict: 'ignore', retry: false, applied: 'no' };

/** `fetch` wraps what went wrong in a `TypeError`, once or twice. */
const DEEPEST_CAUSE = 4;

/** What an error of an HTTP client means; `undefined`: it is none that is known. */
export function judgeHttpError(error: unknown, context: ExecutionContext): Judgement | undefined {
  let link = error;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    if (isOwnTimeout(link)) return { ...BROKEN, label: `http ${link.code}` };
    // The cause of an open circuit is an earlier failure, not this call's.
    if (typeof link !== 'object' || link === null || isHoldfastError(link)) return undefined;
    const judgement = judgeLink(link, context);
    if (judgement !== undefined) return judgement;
    link = 'cause' in link ? link.cause : undefined;
  }
  return undefined;
}

function judgeLink(link: object, { signal }: ExecutionContext): Judgement | undefined {
  const { code, name } = link as { readonly code?: unknown; readonly name?: unknown };
  if (name === 'AbortError' || code === 'UND_ERR_ABORTED') {
    const meaning = signal.aborted && isOwnTimeout(signal.reason) ? BROKEN : ABORTED;
    return { ...meaning, label: 'http aborted' };
  }
  // What `AbortSignal.timeout` aborts with.
  if (name === 'TimeoutError') return { ...BROKEN, label: 'http timeout' };
  const failure = socketFailureOf(link);
  if (failure !== undefined) {
    return { ...(failure.applied === 'no' ? NEVER_SENT : BROKEN), label: `http ${failure.code}` };
  }
  if (typeof code !== 'string') return undefined;
  const meaning = BY_CODE.get(code) ?? (BAD_CERTIFICATE.test(code) ? CALLERS_FAULT : undefined);
  return meaning && { ...meaning, label: `http ${code}` };
}

function isOwnTimeout(error: unknown): error is { readonly code: string } {
  return isHoldfastError(error, 'TIMEOUT') || isHoldfastError(error, 'DEADLINE_EXCEEDED');
}

/** Source: undici 7, `lib/core/errors.js`; Node.js manual, "Errors". */
const BY_CODE: ReadonlyMap<string, Meaning> = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', NEVER_SENT],
  ['UND_ERR_SOCKET', BROKEN],
  ['UND_ERR_HEADERS_TIMEOUT', BROKEN],
  ['UND_ERR_BODY_TIMEOUT', BROKEN],
  ['UND_ERR_INVALID_ARG', CALLERS_FAULT],
  ['ERR_INVALID_URL', CALLERS_FAULT],
  ['ERR_INVALID_ARG_TYPE', CALLERS_FAULT],
]);

/** Source: Node.js manual, "TLS", "X509 certificate error codes". */
const BAD_CERTIFICATE =
  /^(?:CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|ERR_TLS_CERT_|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;
