import { isHoldfastError } from '@holdfast/internal';
import type { Judgement } from '../judgement.ts';
import type { ExecutionContext } from '../policy.ts';
import { socketFailureOf } from '../socket-errors.ts';

type Meaning = Omit<Judgement, 'label' | 'retryAfterMs'>;

const NEVER_SENT: Meaning = { verdict: 'failure', retry: true, applied: 'no' };
const BROKEN: Meaning = { verdict: 'failure', retry: true, applied: 'maybe' };
const ABORTED: Meaning = { verdict: 'ignore', retry: false, applied: 'maybe' };
const CALLERS_FAULT: Meaning = { verdict: 'ignore', retry: false, applied: 'no' };
/** The answer is there: asking again may repeat what was done, and is answered with the same. */
const MALFORMED: Meaning = { verdict: 'failure', retry: false, applied: 'maybe' };

/** `fetch` wraps what went wrong in a `TypeError`, once or twice. */
const DEEPEST_CAUSE = 4;

/** What an error of an HTTP client means; `undefined`: it is none that is known. */
export function judgeHttpError(error: unknown, context: ExecutionContext): Judgement | undefined {
  let link = error;
  let cut: Judgement | undefined;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    if (isOwnTimeout(link)) return { ...BROKEN, label: `http ${link.code}` };
    // The cause of an open circuit is an earlier failure, not this call's.
    if (typeof link !== 'object' || link === null || isHoldfastError(link)) break;
    const judgement = judgeLink(link, context);
    // Whatever has cut an answer off, the request was sent before.
    if (judgement !== undefined) return judgement.applied === 'no' ? (cut ?? judgement) : judgement;
    if (isTerminated(link)) cut = { ...BROKEN, label: 'http terminated' };
    link = 'cause' in link ? link.cause : undefined;
  }
  return cut;
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
  if (typeof code === 'string') {
    const meaning = meaningOf(code);
    return meaning && { ...meaning, label: `http ${code}` };
  }
  // `response.json()` of what is no JSON; the parser of undici, when it gives no code.
  if (name === 'SyntaxError') return { ...MALFORMED, label: 'http malformed' };
  return name === 'HTTPParserError' ? { ...BROKEN, label: 'http parser' } : undefined;
}

function meaningOf(code: string): Meaning | undefined {
  const known = BY_CODE.get(code);
  if (known !== undefined) return known;
  if (BAD_CERTIFICATE.test(code)) return CALLERS_FAULT;
  return FROM_THE_CLIENT.test(code) ? BROKEN : undefined;
}

/** What `fetch` of undici fails to read the body of an answer with. Source: undici 7, `lib/web/fetch/index.js`. */
function isTerminated(link: object): boolean {
  return link instanceof TypeError && link.message === 'terminated';
}

function isOwnTimeout(error: unknown): error is { readonly code: string } {
  return isHoldfastError(error, 'TIMEOUT') || isHoldfastError(error, 'DEADLINE_EXCEEDED');
}

/** Source: undici 7, `lib/core/errors.js` and where they are thrown; Node.js 20, `internal/http2/core`, and manual, "Errors". */
const BY_CODE: ReadonlyMap<string, Meaning> = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', NEVER_SENT],
  ['UND_ERR_CLOSED', NEVER_SENT],
  ['UND_ERR_PRX_TLS', NEVER_SENT],
  ['UND_ERR_BPL_MISSING_UPSTREAM', NEVER_SENT],
  ['UND_ERR_MAX_ORIGINS_REACHED', NEVER_SENT],
  ['ERR_HTTP2_GOAWAY_SESSION', NEVER_SENT],
  ['ERR_HTTP2_INVALID_SESSION', NEVER_SENT],
  ['ERR_HTTP2_OUT_OF_STREAMS', NEVER_SENT],
  ['ERR_STREAM_PREMATURE_CLOSE', BROKEN],
  ['UND_ERR_INVALID_ARG', CALLERS_FAULT],
  ['ERR_INVALID_URL', CALLERS_FAULT],
  ['ERR_INVALID_ARG_TYPE', CALLERS_FAULT],
]);

/** Source: Node.js manual, "TLS", "X509 certificate error codes". */
const BAD_CERTIFICATE =
  /^(?:CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|ERR_TLS_CERT_|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;

/** Nobody can say of all of them, and of those to come, that the request was not sent yet. */
const FROM_THE_CLIENT = /^(?:UND_ERR|ERR_HTTP2_|HPE_)/;
