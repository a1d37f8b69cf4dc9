export {
  deadlineHeader,
  type DeadlineHeader,
  type HeadersToWrite,
} from './http/deadline-header.ts';
export { httpErrors, type HttpErrorsOptions } from './http/http-errors.ts';
export { parseRetryAfter } from './http/parse-retry-after.ts';
