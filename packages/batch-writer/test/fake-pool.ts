import type {
  PgClientLike,
  PgPoolLike,
  QueryResultLike,
  Submittable,
  WireLike,
} from '@holdfast/batch-writer';

/** One statement that writes, as a fake connection got it. */
export interface FakeCall {
  readonly text: string;
  /** By column, the values as text. */
  readonly values: readonly (readonly string[])[];
  /** The values of the first column. */
  readonly ids: readonly string[];
}

type Respond = (call: FakeCall, number: number) => number | Promise<number>;

export interface FakePool extends PgPoolLike {
  readonly calls: FakeCall[];
  /** What each connection was given back with: false for healthy, true for destroyed. */
  readonly releases: (Error | boolean | undefined)[];
  inFlight(): number;
  maxInFlight(): number;
  /** Listeners for `error` on connections that are checked out now. */
  listeners(): number;
  /** Emits `error` on every connection that is checked out. */
  breakAll(error: Error): void;
}

/**
 * A pool over a table of an int4 `id`, its key, and a float8 `value`. It understands COPY and INSERT from arrays; both are
 * answered by `respond` with the number of rows. Default: all rows.
 */
export function createFakePool(respond: Respond = ({ ids }) => ids.length): FakePool {
  const calls: FakeCall[] = [];
  const releases: (Error | boolean | undefined)[] = [];
  const listeners = new Set<(error: Error) => void>();
  let inFlight = 0;
  let maxInFlight = 0;

  const answer = (text: string, values: string[][]): number | Promise<number> => {
    const call = { text, values, ids: values[0]! };
    calls.push(call);
    return respond(call, calls.length);
  };

  const ask = async (text: string, values: unknown[] = []): Promise<QueryResultLike<object>> => {
    if (text.includes('pg_class')) return result([values[0] === '"ledger"' ? LEDGER : CATALOGUE]);
    if (!text.startsWith('INSERT')) return result([]);
    const columns = values.map((array, index) => readArray(array as Buffer, READERS[index]!));
    return { rows: [], rowCount: await answer(text, columns) };
  };

  const copy = async (query: Submittable): Promise<void> => {
    const sent: Buffer[] = [];
    const wire: WireLike = {
      stream: {
        write: (bytes) => sent.push(Buffer.from(bytes)),
        cork: () => undefined,
        uncork: () => undefined,
      },
    };
    query.submit(wire);
    const { text, data } = readMessages(Buffer.concat(sent));
    try {
      const count = await answer(text, readCopy(data));
      query.handleDataRow({ fields: ['1', '2', 'run'] });
      query.handleCopyInResponse(wire);
      query.handleCommandComplete({ text: `COPY ${count}` });
      query.handleReadyForQuery();
    } catch (error) {
      query.handleError(error as Error);
    }
  };

  const createClient = (): PgClientLike => ({
    query: ((text: string | Submittable, values?: unknown[]) => {
      if (typeof text === 'string') return ask(text, values);
      void copy(text);
      return text;
    }) as PgClientLike['query'],
    release(error) {
      inFlight -= 1;
      releases.push(error);
    },
    on: (_event, listener) => listeners.add(listener),
    removeListener: (_event, listener) => listeners.delete(listener),
  });

  return {
    calls,
    releases,
    inFlight: () => inFlight,
    maxInFlight: () => maxInFlight,
    listeners: () => listeners.size,
    breakAll(error) {
      for (const listener of [...listeners]) listener(error);
    },
    async connect() {
      inFlight += 1;
      maxInFlight = Math.max(maxInFlight, inFlight);
      return createClient();
    },
  };
}

const CATALOGUE = {
  kind: 'r',
  isSecured: false,
  hasTriggersInFront: false,
  columns: [
    { name: 'id', oid: 23, type: 'integer', isEnum: false, isGenerated: false },
    { name: 'value', oid: 701, type: 'double precision', isEnum: false, isGenerated: false },
  ],
  uniqueKeys: [['id']],
};

const LEDGER = {
  ...CATALOGUE,
  columns: [
    { name: 'batch', oid: 2950, type: 'uuid', isEnum: false, isGenerated: false },
    ...['from_row', 'to_row', 'stored'].map((name) => ({
      ...{ name, oid: 23, type: 'integer', isEnum: false, isGenerated: false },
    })),
  ],
};

const READERS = [
  (bytes: Buffer, at: number) => String(bytes.readInt32BE(at)),
  (bytes: Buffer, at: number) => String(bytes.readDoubleBE(at)),
];

function result(rows: object[]): QueryResultLike<object> {
  return { rows, rowCount: rows.length };
}

/** The statements and the data of COPY, out of messages: a letter, their length with itself, their body. */
function readMessages(bytes: Buffer): { text: string; data: Buffer } {
  let text = '';
  const data: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const body = bytes.subarray(at + 5, at + 1 + bytes.readInt32BE(at + 1));
    if (bytes[at] === 0x51) text = body.toString('utf8', 0, body.length - 1);
    else data.push(body);
  }
  return { text, data: Buffer.concat(data) };
}

/** Binary COPY: 19 bytes of header, rows of a field count and fields with their lengths, -1 at the end. */
function readCopy(data: Buffer): string[][] {
  const columns: string[][] = READERS.map(() => []);
  let at = 19;
  while (data.readInt16BE(at) !== -1) {
    at += 2;
    for (const [index, read] of READERS.entries()) {
      columns[index]!.push(read(data, at + 4));
      at += 4 + data.readInt32BE(at);
    }
  }
  return columns;
}

/** An array of one dimension: 20 bytes of header, elements with their lengths. */
function readArray(array: Buffer, read: (bytes: Buffer, at: number) => string): string[] {
  const values: string[] = [];
  for (let at = 20; at < array.length; at += 4 + array.readInt32BE(at)) {
    values.push(read(array, at + 4));
  }
  return values;
}

/** An error as `pg` reports it. */
export function pgError(code: string, message = `failed with ${code}`, facts: object = {}): Error {
  return Object.assign(new Error(message), { severity: 'ERROR', code, ...facts });
}

export function connectionLost(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}
