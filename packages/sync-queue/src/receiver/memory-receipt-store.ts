import { systemClock, type Clock } from '@holdfast/internal';
import type {
  Receipt,
  ReceiptSession,
  ReceiptStore,
  StreamMarks,
  StreamName,
} from './receipt-store.ts';

/** Values by key, written in the transaction of a receiver. */
export interface MemoryTransaction {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  delete(key: string): void;
}

export interface MemoryReceiptStore extends ReceiptStore<MemoryTransaction> {
  /** What is committed. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Receipts that are held. */
  readonly receiptCount: number;
}

interface Stream {
  marks: StreamMarks;
  readonly receipts: Map<string, Receipt & { readonly savedAtMs: number }>;
}

/** Receipts and values in memory, for tests: transactions of all streams run one after another. */
export function memoryReceiptStore(options: { readonly clock?: Clock } = {}): MemoryReceiptStore {
  const clock = options.clock ?? systemClock;
  const values = new Map<string, unknown>();
  const streams = new Map<string, Stream>();
  let undo: (() => void)[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const backTo = (length: number): void => {
    for (const step of undo.splice(length).reverse()) step();
  };
  const put = (key: string, value: unknown, isThere: boolean): void => {
    const before = values.has(key) ? { value: values.get(key) } : undefined;
    if (isThere) values.set(key, value);
    else values.delete(key);
    undo.push(() => {
      if (before === undefined) values.delete(key);
      else values.set(key, before.value);
    });
  };
  const tx: MemoryTransaction = {
    get: (key) => values.get(key),
    set: (key, value) => put(key, value, true),
    delete: (key) => put(key, undefined, false),
  };
  const streamOf = ({ clientId, streamId }: StreamName): Stream => {
    const name = JSON.stringify([clientId, streamId]);
    const found = streams.get(name) ?? {
      marks: { ackedSeq: 0, prunedSeq: 0 },
      receipts: new Map<string, Receipt & { readonly savedAtMs: number }>(),
    };
    streams.set(name, found);
    return found;
  };
  const forget = (
    stream: Stream,
    isGone: (receipt: Receipt & { savedAtMs: number }) => boolean,
  ): number => {
    let highest = 0;
    let gone = 0;
    for (const [key, receipt] of stream.receipts) {
      if (!isGone(receipt)) continue;
      stream.receipts.delete(key);
      undo.push(() => stream.receipts.set(key, receipt));
      highest = Math.max(highest, receipt.seq);
      gone += 1;
    }
    const prunedSeq = Math.max(stream.marks.prunedSeq, highest);
    mark(stream, { ...stream.marks, prunedSeq });
    return gone;
  };
  const mark = (stream: Stream, marks: StreamMarks): void => {
    const before = stream.marks;
    stream.marks = marks;
    undo.push(() => (stream.marks = before));
  };
  const sessionOf = (stream: Stream): ReceiptSession<MemoryTransaction> => ({
    tx,
    marks: stream.marks,
    find: (keys) => {
      const found = keys.map((key) => stream.receipts.get(key)).filter((one) => one !== undefined);
      return Promise.resolve(new Map(found.map((receipt) => [receipt.key, receipt])));
    },
    async savepoint(work) {
      const length = undo.length;
      try {
        return await work();
      } catch (error) {
        backTo(length);
        throw error;
      }
    },
    async save(receipts) {
      for (const receipt of receipts) {
        stream.receipts.set(receipt.key, { ...receipt, savedAtMs: clock.wallNow() });
        undo.push(() => stream.receipts.delete(receipt.key));
      }
      return Promise.resolve();
    },
    async acknowledge(seq) {
      const { prunedSeq } = stream.marks;
      forget(stream, (receipt) => receipt.seq <= seq);
      mark(stream, { ackedSeq: seq, prunedSeq });
      return Promise.resolve();
    },
    async prune({ maxCount, maxAgeMs }) {
      const oldestMs = clock.wallNow() - maxAgeMs;
      const kept = [...stream.receipts.values()].sort((a, b) => b.seq - a.seq);
      const mostSeq = kept[maxCount]?.seq ?? -1;
      forget(stream, ({ seq, savedAtMs }) => seq <= mostSeq || savedAtMs < oldestMs);
      return Promise.resolve();
    },
  });

  return {
    values,
    get receiptCount() {
      return [...streams.values()].reduce((sum, { receipts }) => sum + receipts.size, 0);
    },
    transact(stream, work) {
      const run = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        undo = [];
        try {
          return await work(sessionOf(streamOf(stream)));
        } catch (error) {
          backTo(0);
          throw error;
        }
      };
      const result = last.then(run);
      last = result.catch(() => undefined);
      return result;
    },
    pruneOlderThan(maxAgeMs) {
      const oldestMs = clock.wallNow() - maxAgeMs;
      const gone = [...streams.values()].map((stream) =>
        forget(stream, ({ savedAtMs }) => savedAtMs < oldestMs),
      );
      return Promise.resolve(gone.reduce((sum, one) => sum + one, 0));
    },
    close: () => Promise.resolve(),
  };
}
