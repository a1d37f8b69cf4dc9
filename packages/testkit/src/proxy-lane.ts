import type { Socket } from 'node:net';
import { createCutter, type CutRule } from './cut-rule.ts';

/** What disturbs one direction of one connection. */
export type LaneFault =
  | { readonly kind: 'cut'; readonly rule: CutRule }
  /** Nothing is forwarded until it is lifted; then everything is, in order. */
  | { readonly kind: 'freeze' }
  /** Everything is forwarded `ms` milliseconds after it came. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Everything is thrown away, the end of the stream as well: the other side never learns of it. */
  | { readonly kind: 'drop' };

/** Hands bytes of one connection on in one direction. */
export interface Lane {
  /** Sets a fault; `fired` is called when it first has an effect. Returns the function that lifts it. */
  set(fault: LaneFault, fired: () => void): () => void;
  /** Ends all timers; nothing is forwarded any more. */
  stop(): void;
}

interface ActiveFault {
  readonly fault: LaneFault;
  readonly fired: () => void;
  readonly cutter: ReturnType<typeof createCutter> | undefined;
}

/** A piece of the stream with the time it came; undefined is the end of the stream. */
interface Queued {
  readonly piece: Buffer | undefined;
  readonly cameMs: number;
}

/** Above this much waiting data no more is read: a slow lane makes its sender wait, as a slow network does. */
const MAX_QUEUED_BYTES = 1 << 20;

export function createLane(options: {
  readonly from: Socket;
  readonly to: Socket;
  readonly onForwarded: (bytes: number) => void;
  /** The rest of what passes before the cut has been written to `to` already. */
  readonly onCut: () => void;
}): Lane {
  const { from, to, onForwarded, onCut } = options;
  const queue: Queued[] = [];
  const faults = new Set<ActiveFault>();
  let queuedBytes = 0;
  let isStopped = false;
  let isBlocked = false;
  let timer: NodeJS.Timeout | undefined;

  const active = (kind: LaneFault['kind']): ActiveFault[] =>
    [...faults].filter((entry) => entry.fault.kind === kind);

  /** Milliseconds that the head of the queue has yet to wait; Infinity while frozen. */
  const waitFor = ({ cameMs }: Queued): number => {
    const frozen = active('freeze');
    for (const entry of frozen) entry.fired();
    if (frozen.length > 0) return Infinity;
    let delayMs = 0;
    for (const entry of faults) {
      if (entry.fault.kind !== 'delay') continue;
      entry.fired();
      delayMs = Math.max(delayMs, entry.fault.ms);
    }
    return cameMs + delayMs - performance.now();
  };

  const write = (piece: Buffer): void => {
    if (piece.length === 0 || to.destroyed) return;
    onForwarded(piece.length);
    if (to.write(piece)) return;
    isBlocked = true;
    to.once('drain', () => {
      isBlocked = false;
      pump();
    });
  };

  const forward = (piece: Buffer): void => {
    const dropping = active('drop');
    for (const entry of dropping) entry.fired();
    if (dropping.length > 0) return;
    let pass = piece;
    for (const entry of faults) {
      if (entry.cutter === undefined) continue;
      const step = entry.cutter.push(pass);
      pass = step.pass;
      if (!step.isCut) continue;
      write(pass);
      stop();
      entry.fired();
      onCut();
      return;
    }
    write(pass);
  };

  const end = (): void => {
    if (active('drop').length > 0) return;
    for (const entry of faults) {
      if (entry.cutter !== undefined) write(entry.cutter.rest());
    }
    to.end();
  };

  const pump = (): void => {
    clearTimeout(timer);
    for (;;) {
      const head = queue[0];
      if (isStopped || isBlocked || head === undefined) break;
      const waitMs = waitFor(head);
      if (waitMs > 0) {
        if (waitMs !== Infinity) timer = setTimeout(pump, waitMs);
        break;
      }
      queue.shift();
      if (head.piece === undefined) {
        end();
      } else {
        queuedBytes -= head.piece.length;
        forward(head.piece);
      }
    }
    if (!isStopped && queuedBytes < MAX_QUEUED_BYTES) from.resume();
  };

  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
    queue.length = 0;
    // What still comes is read and thrown away, so that the socket notices its end.
    from.resume();
  };

  from.on('data', (piece: Buffer) => {
    if (isStopped) return;
    queue.push({ piece, cameMs: performance.now() });
    queuedBytes += piece.length;
    if (queuedBytes >= MAX_QUEUED_BYTES) from.pause();
    pump();
  });
  from.on('end', () => {
    if (isStopped) return;
    queue.push({ piece: undefined, cameMs: performance.now() });
    pump();
  });

  return {
    set(fault, fired) {
      const cutter = fault.kind === 'cut' ? createCutter(fault.rule) : undefined;
      const entry: ActiveFault = { fault, fired, cutter };
      faults.add(entry);
      // Zero bytes have passed at once.
      if (fault.kind === 'cut' && 'afterBytes' in fault.rule && fault.rule.afterBytes === 0) {
        stop();
        fired();
        onCut();
      }
      return () => {
        faults.delete(entry);
        if (cutter !== undefined) write(cutter.rest());
        pump();
      };
    },
    stop,
  };
}
