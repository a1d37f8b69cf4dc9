/**
 * The deadline of the asynchronous scope that the caller is in. `withDeadline` replaces the function when it is first
 * used: who never uses it pays nothing for asynchronous context tracking.
 */
export const ambient: { deadline: () => number } = { deadline: () => Infinity };
