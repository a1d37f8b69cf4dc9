export interface Candidate {
  readonly seq: number;
  readonly priority: number;
  readonly bytes: number;
  /** Requests in a row that have carried it and got no verdict. */
  readonly failures: number;
}

export interface BatchBounds {
  readonly maxOps: number;
  readonly maxBytes: number;
}

/** Of each batch, for the oldest whatever their priority: nothing starves. */
const SHARE_OF_OLDEST = 0.1;

/**
 * Chooses what goes into one request: the most urgent first, of these the oldest, and a share of the oldest of all. One
 * that was in requests that failed goes with fewer others each time, in the end alone, so that one that makes requests
 * fail cannot hold up the rest.
 */
export function chooseBatch<C extends Candidate>(
  candidates: readonly C[],
  bounds: BatchBounds,
): C[] {
  const byUrgency = [...candidates].sort((a, b) => a.priority - b.priority || a.seq - b.seq);
  const reserved = sharedOut(bounds.maxOps);
  const oldest = [...candidates].sort((a, b) => a.seq - b.seq).slice(0, reserved);
  const urgent = byUrgency.slice(0, bounds.maxOps - reserved);
  const chosen: C[] = [];
  let bytes = 0;
  let most = bounds.maxOps;
  for (const candidate of new Set([...urgent, ...oldest, ...byUrgency])) {
    const room = Math.min(most, companyOf(candidate, bounds.maxOps));
    if (chosen.length >= most) break;
    if (chosen.length >= room) continue;
    if (chosen.length > 0 && bytes + candidate.bytes > bounds.maxBytes) continue;
    chosen.push(candidate);
    bytes += candidate.bytes;
    most = room;
  }
  return chosen.sort((a, b) => a.priority - b.priority || a.seq - b.seq);
}

/** How many of a batch are the oldest rather than the most urgent. */
export function sharedOut(maxOps: number): number {
  return Math.floor(maxOps * SHARE_OF_OLDEST);
}

function companyOf({ failures }: Candidate, maxOps: number): number {
  return Math.max(1, Math.floor(maxOps / 2 ** failures));
}
