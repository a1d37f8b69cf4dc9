/** Where a stream is cut, counted from the moment the fault was set. */
export type CutRule =
  | { readonly afterBytes: number }
  | { readonly pattern: string | Buffer; readonly when: 'before' | 'after' };

/** What to do with a piece of the stream. */
export interface CutStep {
  /** The bytes that may pass now. */
  readonly pass: Buffer;
  /** True: cut when those have passed. */
  readonly isCut: boolean;
}

/** Finds the place of a cut in a stream that comes in pieces. */
export interface Cutter {
  push(piece: Buffer): CutStep;
  /** What was held back and may pass when the stream ends without a cut. */
  rest(): Buffer;
}

export function createCutter(rule: CutRule): Cutter {
  if ('afterBytes' in rule) return createByteCutter(rule.afterBytes);
  const pattern = Buffer.from(rule.pattern);
  if (pattern.length === 0) throw new TypeError('pattern must not be empty');
  return rule.when === 'before' ? createBeforeCutter(pattern) : createAfterCutter(pattern);
}

const NOTHING = Buffer.alloc(0);

function createByteCutter(afterBytes: number): Cutter {
  if (!Number.isSafeInteger(afterBytes) || afterBytes < 0) {
    throw new RangeError(`afterBytes must be an integer of at least 0, got ${afterBytes}`);
  }
  let left = afterBytes;
  return {
    push(piece) {
      const pass = piece.subarray(0, left);
      left -= pass.length;
      return { pass, isCut: left === 0 };
    },
    rest: () => NOTHING,
  };
}

/** Holds back an end of the stream that may be the beginning of the pattern, for none of its bytes may pass. */
function createBeforeCutter(pattern: Buffer): Cutter {
  let held = NOTHING;
  return {
    push(piece) {
      const data = Buffer.concat([held, piece]);
      const index = data.indexOf(pattern);
      if (index >= 0) return { pass: data.subarray(0, index), isCut: true };
      const heldLength = longestPartialMatch(data, pattern);
      held = data.subarray(data.length - heldLength);
      return { pass: data.subarray(0, data.length - heldLength), isCut: false };
    },
    rest: () => held,
  };
}

/** Lets everything pass at once and remembers only as much as a pattern that straddles pieces needs. */
function createAfterCutter(pattern: Buffer): Cutter {
  let tail = NOTHING;
  return {
    push(piece) {
      const data = Buffer.concat([tail, piece]);
      const index = data.indexOf(pattern);
      if (index >= 0) {
        const end = index + pattern.length - tail.length;
        return { pass: piece.subarray(0, end), isCut: true };
      }
      tail = data.subarray(Math.max(0, data.length - pattern.length + 1));
      return { pass: piece, isCut: false };
    },
    rest: () => NOTHING,
  };
}

/** Length of the longest end of `data` that is a beginning of `pattern`. */
function longestPartialMatch(data: Buffer, pattern: Buffer): number {
  for (let length = Math.min(data.length, pattern.length - 1); length > 0; length -= 1) {
    if (data.subarray(data.length - length).equals(pattern.subarray(0, length))) return length;
  }
  return 0;
}
