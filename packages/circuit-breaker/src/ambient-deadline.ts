/** The deadline of the asynchronous scope that the caller is in. */
export interface AmbientDeadline {
  deadline: () => number;
  /** Runs `fn` outside of any such scope: for work that does not belong to one caller alone. */
  detached: <T>(fn: () => T) => T;
}

/**
 * `withDeadline` replaces the functions when it is first used: who never uses it pays nothing for asynchronous context
 * tracking.
 */
export const ambient: AmbientDeadline = { deadline: () => Infinity, detached: (fn) => fn() };
