import { createDeferred } from '@holdfast/internal';
import type { Submittable, WireLike } from '../ports.ts';

export interface CopyInAnswer {
  /** The one row that a SELECT in front of the COPY has given. */
  readonly row: readonly (string | null)[] | undefined;
  /** Rows that COPY has taken. */
  readonly copied: number;
}

/**
 * One message of the simple protocol whose last statement is COPY … FROM STDIN, and the data of the COPY. Several
 * statements of one message are one transaction (PostgreSQL manual 55.2.2.1), so all of it is one round trip:
 *
 * - `sent`      entered at `submit`: statements and data are on their way, the end of the data is held back
 * - `finishing` entered when the server asks for the data: what the SELECT said is known now, so the end may go; from here
 *               on the transaction may be committed
 * - `settled`   entered at the first error, or when the server is ready again; final
 */
export class CopyIn implements Submittable {
  readonly #text: string;
  readonly #data: readonly Uint8Array[];
  readonly #answer = createDeferred<CopyInAnswer>();
  #state: 'sent' | 'finishing' | 'settled' = 'sent';
  #isFinishing = false;
  #row: readonly (string | null)[] | undefined;
  #copied = 0;
  /**
   * `pg` looks here whether somebody waits. With `query_timeout` it puts a function of its own here that ends its timer, which
   * keeps all of this alive meanwhile: so it is called at the end.
   */
  callback = (): void => undefined;

  constructor(text: string, data: readonly Uint8Array[]) {
    this.#text = text;
    this.#data = data;
  }

  /** Rejects with the first error. */
  get answer(): Promise<CopyInAnswer> {
    return this.#answer.promise;
  }

  /** What the SELECT has given so far. */
  get row(): readonly (string | null)[] | undefined {
    return this.#row;
  }

  /** The server may have committed, whatever has become of its answer. */
  get isFinishing(): boolean {
    return this.#isFinishing;
  }

  submit({ stream }: WireLike): void {
    stream.cork();
    stream.write(message('Q', Buffer.from(`${this.#text}\0`)));
    for (const bytes of this.#data) {
      for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
        const length = Math.min(FRAME_BYTES, bytes.length - at);
        stream.write(header('d', length));
        stream.write(bytes.subarray(at, at + length));
      }
    }
    stream.uncork();
  }

  handleCopyInResponse({ stream }: WireLike): void {
    if (this.#state !== 'sent') return;
    this.#state = 'finishing';
    this.#isFinishing = true;
    stream.write(header('c', 0));
  }

  handleRowDescription(): void {
    // The statement says what its columns are.
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#row = fields;
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    if (text.startsWith('COPY ')) this.#copied = Number(text.slice(5));
  }

  handleError(error: Error): void {
    this.#answer.reject(error);
    this.#settle();
  }

  handleReadyForQuery(): void {
    this.#answer.resolve({ row: this.#row, copied: this.#copied });
    this.#settle();
  }

  #settle(): void {
    if (this.#state === 'settled') return;
    this.#state = 'settled';
    this.callback();
  }
}

/** The server begins to read a frame when all of it is there. */
const FRAME_BYTES = 64 * 1024;

/** A message's letter and its length, which counts itself (manual 55.7). */
function header(letter: string, bodyBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes.write(letter, 'latin1');
  bytes.writeInt32BE(bodyBytes + 4, 1);
  return bytes;
}

function message(letter: string, body: Buffer): Buffer {
  return Buffer.concat([header(letter, body.length), body]);
}
