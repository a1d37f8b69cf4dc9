/** A stack that was captured but not yet made into text, which is most of its cost. */
export interface CapturedStack {
  readonly stack?: string;
}

/** Enough to see the caller above a query builder. */
const FRAMES = 40;

/** Captures what called `callee`, and what awaits it. Source of the latter: V8, "Zero-cost async stack traces", 2018. */
export function captureStack(callee: object): CapturedStack {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  try {
    const captured: CapturedStack = {};
    Error.captureStackTrace(captured, callee as (...args: unknown[]) => unknown);
    return captured;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The first frame of the program itself; else the first of a package that is not `pg` or this one. */
export function callerIn({ stack }: CapturedStack): string | undefined {
  // A program may have made `Error.prepareStackTrace` return something else.
  if (typeof stack !== 'string') return undefined;
  const frames = stack.split('\n').flatMap((line) => {
    const frame = /^\s*at (?:async )?(.+)$/.exec(line)?.[1];
    return frame === undefined || NEVER.test(frame) ? [] : [frame];
  });
  return frames.find((frame) => !PACKAGE.test(frame)) ?? frames[0];
}

/** The platform, `pg`, and this package, both installed and in its repository. */
const NEVER =
  /node:|<anonymous>|[\\/]node_modules[\\/](?:pg(?:-\w+)*|@holdfast[\\/]circuit-breaker)[\\/]|[\\/]circuit-breaker[\\/](?:src|dist)[\\/]/;
const PACKAGE = /[\\/]node_modules[\\/]/;
