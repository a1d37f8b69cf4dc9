import { isHoldfastError } from '@holdfast/internal';

/** The five characters of the server's verdict; undefined when the error is none of the server's. */
export function sqlstateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  // Node's own codes (EPIPE) can have five characters as well, but no severity.
  return severityOf(error) !== undefined && /^[0-9A-Z]{5}$/.test(code ?? '') ? code : undefined;
}

/** Codes of a session that has ended, or whose connection has failed. */
const ENDINGS = /^(57P|08|25P0[34])/;

/**
 * What the server calls an ERROR, in the languages that PostgreSQL has been translated to since version 14: the driver
 * drops the field that is not translated (V). Not FATAL and PANIC instead: a language that is missing here must not make
 * a verdict of them.
 */
const ERRORS: ReadonlySet<string> = new Set([
  ...['ERROR', 'FEHLER', 'ERREUR', 'ERRORE', 'ERRO', 'FEL', 'BŁĄD', 'HATA', 'CHYBA'],
  ...['ОШИБКА', 'ПОМИЛКА', 'შეცდომა', '오류', '错误', '錯誤'],
]);

/**
 * True when the server has ended the session: it was told to (57P01 to 57P05), the connection failed (class 08), or the
 * transaction was idle or open for too long (25P03, 25P04). PostgreSQL manual, appendix A. What the server reports as a mere
 * ERROR it survives: 08P01 is also the answer to a statement with a value too few.
 */
export function endsSession(error: unknown): boolean {
  return ENDINGS.test(sqlstateOf(error) ?? '') && !isMereError(error);
}

/**
 * True when the server has said no to a statement, and the session lives on. Not FATAL or PANIC: what was being committed
 * may be found in the log when the server recovers. Not 40003: whether the statement was completed is unknown. Nor any 08,
 * of whatever severity: a pooler says so when it has lost the server.
 */
export function isVerdict(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state !== undefined && state !== '40003' && !ENDINGS.test(state) && isMereError(error);
}

/** in_failed_sql_transaction: an earlier statement has failed (PostgreSQL manual, appendix A). */
export function isInFailedTransaction(error: unknown): error is Error {
  return sqlstateOf(error) === '25P02';
}

/** Longest chain of causes that is followed. */
const MAX_CAUSES = 16;

/**
 * True when the whole transaction may succeed at another try: a serialization failure (40001) or a deadlock (40P01), also
 * one that others have wrapped. PostgreSQL manual, 13.5. Not when an inner call has used up its own tries: they would
 * multiply.
 */
export function isRetryable(error: unknown): boolean {
  let each: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && each !== undefined && each !== null; depth += 1) {
    if (isHoldfastError(each, 'RETRIES_EXHAUSTED')) return false;
    const code = codeOf(each);
    if (code === '40001' || code === '40P01') return true;
    each = typeof each === 'object' && 'cause' in each ? each.cause : undefined;
  }
  return false;
}

function isMereError(error: unknown): boolean {
  return ERRORS.has(severityOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

function severityOf(error: unknown): string | undefined {
  const severity = (error as { readonly severity?: unknown } | null | undefined)?.severity;
  return typeof severity === 'string' ? severity : undefined;
}
