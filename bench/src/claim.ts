/** One side-by-side comparison. Both sides do the same work; each call is one round. */
export interface Claim {
  /** What is claimed, in words that stand alone. */
  readonly claim: string;
  /** What the ratio must be for the claim to hold: `ours / peer`, both in operations a second. */
  readonly target: number;
  /** Operations in a round. */
  readonly operations: number;
  readonly ours: () => Promise<void>;
  readonly peer: () => Promise<void>;
  /** What a round needs and is not measured. */
  readonly prepare?: (side: 'ours' | 'peer') => Promise<void>;
  close(): Promise<void>;
}
