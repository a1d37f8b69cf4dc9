import type { Client, PoolClient } from 'pg';

/** What `pg` calls on a query, and what a COPY needs of its connection. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** Runs a COPY FROM STDIN on a client, with `bytes` for its rows; returns how many rows it took. */
export function copyIn(client: Client | PoolClient, text: string, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = 0;
    client.query({
      submit: (connection: unknown) => (connection as CopyConnection).query(text),
      handleCopyInResponse: (connection: CopyConnection) => {
        connection.sendCopyFromChunk(bytes);
        connection.endCopyFrom();
      },
      handleCommandComplete: (message: { readonly text: string }) => {
        rows = Number(message.text.slice('COPY '.length));
      },
      handleError: reject,
      handleReadyForQuery: () => resolve(rows),
      handleRowDescription: () => undefined,
      handleDataRow: () => undefined,
    });
  });
}

/** Rows as binary COPY wants them: behind the header of the format, before its trailer. */
export function binaryCopy(rows: Buffer): Buffer {
  const header = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
  return Buffer.concat([header, Buffer.alloc(8), rows, Buffer.from([0xff, 0xff])]);
}
