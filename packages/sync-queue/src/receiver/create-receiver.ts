import { createHash } from 'node:crypto';
import {
  createListeners,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptionGroup,
  requireOptions,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import type { PushOutcome, PushReply, PushRequest, WireOp } from '../outbox/wire.ts';
import { applyUnit } from './apply-unit.ts';
import { knownOutcome } from './known-outcome.ts';
import { readBody, readRequest } from './read-request.ts';
import type {
  FinalOutcome,
  Receipt,
  ReceiptBounds,
  ReceiptSession,
  ReceiptStore,
} from './receipt-store.ts';
import type {
  Apply,
  Receiver,
  ReceiverEvents,
  ReceiverOptions,
  ReceiverSnapshot,
} from './receiver.ts';
import { ReceiverClosedError } from './receiver-errors.ts';

interface ResolvedOptions<Tx> {
  readonly store: ReceiptStore<Tx>;
  readonly apply: Apply<Tx>;
  readonly maxOps: number;
  readonly maxBodyBytes: number;
  readonly bounds: ReceiptBounds;
  readonly clock: Clock;
}

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Creates the server half of an outbox. Each unit is applied once, however often it is sent: its effect and its receipt
 * are committed in one transaction, and the receipt answers from then on. A stream's requests run one after another, its
 * units in the order of the request.
 *
 * @throws {TypeError | RangeError} when an option is missing, unknown or out of range.
 */
export function createReceiver<Tx>(options: ReceiverOptions<Tx>): Receiver {
  const resolved = resolveOptions(options);
  const { store, clock } = resolved;
  const listeners = createListeners<ReceiverEvents>({ applyFailed: true });
  const tally = {
    ...{ requests: 0, applied: 0, repeated: 0, conflicts: 0, rejected: 0, retried: 0 },
    failedRequests: 0,
  };
  const running = new Set<Promise<unknown>>();
  let isClosed = false;

  const receive = async (value: unknown): Promise<PushReply> => {
    const request = readRequest(value, resolved.maxOps);
    tally.requests += 1;
    try {
      const seen = await store.transact(request, (session) =>
        judgeRequest(request, session, resolved, (failure) =>
          listeners.emit('applyFailed', failure),
        ),
      );
      for (const { outcome, isRepeated } of seen) count(tally, outcome, isRepeated);
      const verdicts = seen.map(({ key, outcome }) => ({ ...outcome, key }));
      return { verdicts, nowMs: clock.wallNow() };
    } catch (error) {
      tally.failedRequests += 1;
      throw error;
    }
  };

  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await Promise.allSettled(running);
    await store.close();
  };

  return {
    async receive(request) {
      if (isClosed) throw new ReceiverClosedError();
      const reply = receive(request);
      running.add(reply);
      try {
        return await reply;
      } finally {
        running.delete(reply);
      }
    },
    prune: () => store.pruneOlderThan(resolved.bounds.maxAgeMs),
    snapshot: () => ({ ...tally }),
    on: listeners.on,
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Judged {
  readonly key: string;
  readonly outcome: PushOutcome;
  readonly isRepeated: boolean;
}

async function judgeRequest<Tx>(
  request: PushRequest,
  session: ReceiptSession<Tx>,
  options: ResolvedOptions<Tx>,
  onFailed: (failure: ReceiverEvents['applyFailed']) => void,
): Promise<Judged[]> {
  const { ackedSeq, ops, clientId } = request;
  const { marks, tx } = session;
  if (ackedSeq > marks.ackedSeq) await session.acknowledge(ackedSeq);
  const known = {
    ackedSeq: Math.max(ackedSeq, marks.ackedSeq),
    prunedSeq: marks.prunedSeq,
  };
  const receipts = ops.length === 0 ? new Map() : await session.find(ops.map(({ key }) => key));
  const judged: Judged[] = [];
  const fresh: Receipt[] = [];
  for (const unit of ops) {
    const { key, seq, body } = unit;
    const digest = digestOf(body);
    const receipt = receipts.get(key) as Receipt | undefined;
    const before = knownOutcome(unit, digest, { receipt, marks: known });
    const context = { tx, clientId, key };
    const outcome = before ?? (await judgeUnit(unit, session, options, { context, onFailed }));
    if (before === undefined && isFinal(outcome)) fresh.push({ key, seq, digest, outcome });
    judged.push({ key, outcome, isRepeated: before !== undefined });
  }
  if (fresh.length > 0) {
    await session.save(fresh);
    await session.prune(options.bounds);
  }
  return judged;
}

async function judgeUnit<Tx>(
  unit: WireOp,
  session: ReceiptSession<Tx>,
  { apply, maxBodyBytes }: ResolvedOptions<Tx>,
  {
    context,
    onFailed,
  }: {
    readonly context: Parameters<Apply<Tx>>[1];
    readonly onFailed: (failure: ReceiverEvents['applyFailed']) => void;
  },
): Promise<PushOutcome> {
  const bytes = Buffer.byteLength(unit.body);
  if (bytes > maxBodyBytes) {
    return {
      status: 'rejected',
      reason: `the body has ${bytes} bytes, at most ${maxBodyBytes} are taken`,
    };
  }
  const ops = readBody(unit.body);
  if (typeof ops === 'string') return { status: 'rejected', reason: ops };
  try {
    return await applyUnit(ops, apply, { session, context });
  } catch (error) {
    const { clientId, key } = context;
    onFailed({ clientId, key, error });
    return { status: 'retry' };
  }
}

function isFinal(outcome: PushOutcome): outcome is FinalOutcome {
  const { status } = outcome;
  return status === 'applied' || status === 'conflict' || status === 'rejected';
}

function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

type Tally = { -readonly [K in keyof ReceiverSnapshot]: number };

function count(tally: Tally, { status }: PushOutcome, isRepeated: boolean): void {
  if (isRepeated) tally.repeated += 1;
  else if (status === 'applied') tally.applied += 1;
  else if (status === 'conflict') tally.conflicts += 1;
  else if (status === 'rejected') tally.rejected += 1;
  else tally.retried += 1;
}

function resolveOptions<Tx>(options: ReceiverOptions<Tx>): ResolvedOptions<Tx> {
  const names = { store: true, apply: true, limits: true, receipts: true, clock: true } as const;
  requireOptions('createReceiver', options, names);
  const limits = options.limits ?? {};
  const receipts = options.receipts ?? {};
  requireOptionGroup('limits', limits, { maxOps: true, maxBodyBytes: true });
  requireOptionGroup('receipts', receipts, { maxPerStream: true, maxAgeMs: true });
  const methods = requireObject('store', options.store) as unknown as Record<string, unknown>;
  for (const method of ['transact', 'pruneOlderThan', 'close']) {
    requireFunction(`store.${method}`, methods[method]);
  }
  const maxBodyBytes = limits.maxBodyBytes ?? 1_048_576;
  const maxAgeMs = receipts.maxAgeMs ?? THIRTY_DAYS_MS;
  const maxCount = receipts.maxPerStream ?? 10_000;
  return Object.freeze({
    store: options.store,
    apply: requireFunction('apply', options.apply),
    maxOps: requireInteger('limits.maxOps', limits.maxOps ?? 1000, { min: 1 }),
    maxBodyBytes: requireInteger('limits.maxBodyBytes', maxBodyBytes, { min: 1 }),
    bounds: {
      maxCount: requireInteger('receipts.maxPerStream', maxCount, { min: 1 }),
      maxAgeMs: requireNumber('receipts.maxAgeMs', maxAgeMs, { min: 1000 }),
    },
    clock: options.clock ?? systemClock,
  });
}
