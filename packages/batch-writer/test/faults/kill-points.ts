import type { Random } from '@holdfast/internal';
import type { Fault } from '@holdfast/testkit';

/** Where a connection dies, seen from the one batch that is on it. */
export const KILL_POINTS = ['before-data', 'mid-data', 'after-copy-done', 'after-commit'] as const;
export type KillPoint = (typeof KILL_POINTS)[number];

/** How the rows reach the table: by COPY straight into it, or by INSERT in a transaction of several messages. */
export type Route = 'copy' | 'insert';

/** The end of binary COPY, with the message CopyDone behind it. */
const COPY_DONE = Buffer.from([0xff, 0xff, 0x63, 0, 0, 0, 4]);

/** The fault that kills a connection at `point` while it sends a batch of `bytes` bytes. */
export function killAt(point: KillPoint, route: Route, bytes: number, random: Random): Fault {
  switch (point) {
    case 'before-data': {
      const pattern = route === 'copy' ? 'COPY "' : 'INSERT INTO "rows';
      return { kind: 'cut', direction: 'toServer', rule: { pattern, when: 'before' } };
    }
    case 'mid-data': {
      // Behind the statements, of which there are less than 400 bytes.
      const afterBytes = 400 + Math.floor(random() * (bytes - 400));
      return { kind: 'cut', direction: 'toServer', rule: { afterBytes } };
    }
    case 'after-copy-done': {
      // Whether the server has finished is decided by a race: it reads while we cut.
      const pattern = route === 'copy' ? COPY_DONE : 'COMMIT';
      return { kind: 'cut', direction: 'toServer', rule: { pattern, when: 'after' } };
    }
    case 'after-commit': {
      // The server says so when the transaction is committed.
      const pattern = route === 'copy' ? 'COPY ' : 'COMMIT';
      return { kind: 'cut', direction: 'toClient', rule: { pattern, when: 'before' } };
    }
    default: {
      const impossible: never = point;
      return impossible;
    }
  }
}
