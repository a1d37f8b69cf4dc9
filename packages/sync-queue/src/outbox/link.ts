import type { Backoff } from '@holdfast/internal';

/**
 * Whether the server can be reached:
 *
 * - `unproven`  entered at the start, and when the host says that it is offline; left by the answer to a probe, which is
 *               a request without ops, so that nothing is frozen for a server that may not be there
 * - `up`        entered by any real answer; left by a request without one
 * - `down`      entered by a request without an answer, or one that says `auth` or `retry` about all of itself; one probe
 *               at a time is sent, from `retryAtMs` on
 */
export type Link =
  | { readonly state: 'unproven' }
  | { readonly state: 'up' }
  | {
      readonly state: 'down';
      readonly reason: LinkTrouble;
      readonly failures: number;
      readonly retryAtMs: number;
      /** The server has named `retryAtMs`: nobody may come before. */
      readonly isFixed: boolean;
    };

/** `busy`: the server asks to come later. */
export type LinkTrouble = 'offline' | 'auth' | 'busy';

export type LinkEvent =
  | { readonly kind: 'answered' }
  | { readonly kind: 'failed'; readonly reason: LinkTrouble; readonly afterMs?: number | undefined }
  /** The host says that the network is there or gone; neither proves anything. */
  | { readonly kind: 'hint'; readonly isOnline: boolean; readonly spreadMs: number }
  /** Somebody wants to know now. */
  | { readonly kind: 'nudge' };

export function nextLink(
  link: Link,
  event: LinkEvent,
  { nowMs, backoff }: { readonly nowMs: number; readonly backoff: Backoff },
): Link {
  switch (event.kind) {
    case 'answered':
      return { state: 'up' };
    case 'failed': {
      const failures = link.state === 'down' ? link.failures + 1 : 1;
      const isFixed = event.afterMs !== undefined;
      const delayMs = event.afterMs ?? backoff(failures, 0);
      return { state: 'down', reason: event.reason, failures, retryAtMs: nowMs + delayMs, isFixed };
    }
    case 'hint':
      // Offline: the next request is a probe. Online: a waiting probe goes soon, spread over those who heard it as well.
      if (!event.isOnline) return link.state === 'up' ? { state: 'unproven' } : link;
      if (link.state !== 'down' || link.isFixed) return link;
      return { ...link, retryAtMs: Math.min(link.retryAtMs, nowMs + event.spreadMs) };
    case 'nudge':
      if (link.state !== 'down' || link.isFixed) return link;
      return { ...link, retryAtMs: nowMs };
    default: {
      const impossible: never = event;
      return impossible;
    }
  }
}
