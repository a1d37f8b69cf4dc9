import { isHoldfastError } from '@holdfast/internal';
import { isTorture, testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFakePool, connectionLost, pgError, type FakePool } from './fake-pool.ts';
import { expectAccounted, expectConsistent } from './oracle.ts';
import { reading, setUp, type Bench } from './set-up.ts';

type Command =
  | { readonly kind: 'write'; readonly key: number }
  | { readonly kind: 'writeAndWait'; readonly key: number }
  | { readonly kind: 'flush' | 'pause' | 'resume' }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'fail'; readonly how: 'lost' | 'deadlock' | 'halt' | 'sink' };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), key: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('writeAndWait' as const), key: fc.nat(9) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'pause' as const, 'resume') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(60) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      how: fc.constantFrom('lost' as const, 'deadlock' as const, 'halt' as const, 'sink'),
    }),
  },
);

const options = fc.record({
  lanes: fc.integer({ min: 1, max: 3 }),
  maxRows: fc.integer({ min: 1, max: 4 }),
  bufferRows: fc.integer({ min: 1, max: 10 }),
  whenFull: fc.constantFrom('wait' as const, 'reject' as const, 'drop-oldest' as const),
  isUpdate: fc.boolean(),
});

/** Values of this kind break a constraint. */
const isBad = (value: number): boolean => value % 7 === 0;

/** The table, the dead letter and the writer, and what is known of them. */
class Model {
  /** By key, the value that is stored. */
  readonly table = new Map<string, number>();
  readonly rejected: number[] = [];
  readonly bench: Bench;
  readonly #pool: FakePool;
  readonly #isUpdate: boolean;
  readonly #sending = new Set<string>();
  readonly #pending: Promise<unknown>[] = [];
  #failures: ('lost' | 'deadlock' | 'halt')[] = [];
  #sinkFailures = 0;
  #value = 0;
  accepted = 0;

  constructor(given: typeof options extends fc.Arbitrary<infer T> ? T : never) {
    this.#isUpdate = given.isUpdate;
    this.#pool = createFakePool((call) => this.#respond(call.text, call.values));
    this.bench = setUp(this.#pool, {
      lanes: given.lanes,
      batch: { maxRows: given.maxRows },
      buffer: { maxRows: given.bufferRows, whenFull: given.whenFull },
      onConflict: given.isUpdate ? {} : 'nothing',
      retry: { baseMs: 10, capMs: 20, jitter: 'none' },
      onRejected: (rows) => {
        if (this.#sinkFailures-- > 0) throw new Error('the dead letter is away');
        this.#sinkFailures = 0;
        this.rejected.push(...rows.map(({ row }) => Number(row.value)));
      },
    });
  }

  async #respond(text: string, [ids = [], values = []]: readonly (readonly string[])[]) {
    for (const id of ids) {
      expect(this.#sending.has(id), `key ${id} is sent twice at a time`).toBe(false);
      this.#sending.add(id);
    }
    try {
      await new Promise<void>((resolve) => this.bench.clock.setTimer(resolve, 5));
      return this.#apply(text, ids, values.map(Number));
    } finally {
      for (const id of ids) this.#sending.delete(id);
    }
  }

  #apply(text: string, ids: readonly string[], values: readonly number[]): number {
    const failure = this.#failures.shift();
    if (failure === 'lost') throw connectionLost();
    if (failure === 'deadlock') throw pgError('40P01');
    if (failure === 'halt') throw pgError('42P01');
    if (values.some(isBad)) throw pgError('23514');
    const isCopy = text.includes('COPY');
    if (isCopy && ids.some((id) => this.table.has(id))) throw pgError('23505');
    let stored = 0;
    ids.forEach((id, index) => {
      const value = values[index]!;
      const before = this.table.get(id);
      if (before !== undefined && !this.#isUpdate) return;
      // Values rise in the order of the calls: a key never goes back.
      expect(value).toBeGreaterThan(before ?? -1);
      this.table.set(id, value);
      stored += 1;
    });
    return stored;
  }

  async run(step: Command): Promise<void> {
    const { writer, clock } = this.bench;
    switch (step.kind) {
      case 'write': {
        const taken = writer.write(reading(step.key, ++this.#value));
        if (taken === true) this.accepted += 1;
        else this.#expectSettled(taken.then(() => void (this.accepted += 1)));
        break;
      }
      case 'writeAndWait': {
        const value = ++this.#value;
        const result = writer.writeAndWait(reading(step.key, value)).then(({ status }) => {
          if (status === 'rejected') expect(this.rejected).toContain(value);
        });
        this.#expectSettled(result);
        break;
      }
      case 'flush': {
        const { accepted } = writer.snapshot();
        this.#expectSettled(
          writer.flush().then(() => {
            const { stored, duplicate, superseded, rejected } = writer.snapshot();
            expect(stored + duplicate + superseded + rejected).toBeGreaterThanOrEqual(accepted);
          }),
        );
        break;
      }
      case 'pause':
        writer.pause();
        break;
      case 'resume':
        writer.resume();
        break;
      case 'advance':
        await clock.advance(step.ms);
        break;
      case 'fail':
        if (step.how === 'sink') this.#sinkFailures += 1;
        else this.#failures.push(step.how);
        break;
      default: {
        const impossible: never = step;
        return impossible;
      }
    }
    expectConsistent(writer.snapshot());
  }

  async close(timeoutMs: number) {
    const { writer, clock } = this.bench;
    const over = new AbortController();
    const closed = writer.close({ timeoutMs }).finally(() => over.abort());
    for (let turn = 0; !over.signal.aborted; turn++) {
      expect(turn).toBeLessThan(1000);
      await clock.advance(10);
    }
    await Promise.all(this.#pending);
    // What was asked for when the writer stopped: nobody waits for the answer.
    await clock.advance(10);
    expect(clock.pending()).toBe(0);
    return closed;
  }

  /** It must settle; the writer's own refusals are an answer. */
  #expectSettled(promise: Promise<unknown>): void {
    this.#pending.push(
      promise.catch((error: unknown) => {
        if (!isHoldfastError(error)) throw error;
      }),
    );
  }
}

test(
  'whatever is done in whatever order, every row is accounted for at every step',
  { timeout: isTorture ? 600_000 : 30_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        options,
        fc.array(command, { maxLength: 80 }),
        fc.constantFrom(0, 30, 100_000),
        async (given, commands, timeoutMs) => {
          const model = new Model(given);
          for (const step of commands) await model.run(step);
          const report = await model.close(timeoutMs);

          expectAccounted(report);
          expect(model.rejected).toHaveLength(report.rejected);
          expect(new Set(model.rejected).size).toBe(model.rejected.length);
          if (given.isUpdate) return;
          expect(model.table.size).toBeGreaterThanOrEqual(report.stored);
          // Given time, nothing is left whose answer nobody waited for.
          if (report.returned.length === 0) expect(model.table.size).toBe(report.stored);
        },
      ),
      { numRuns: isTorture ? 20_000 : 300, seed: testSeed() },
    );
  },
);
