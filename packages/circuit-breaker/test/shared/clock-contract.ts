import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  BreakerStore,
  LeaseRequest,
  MemberReport,
  ProbeResult,
  SharedView,
} from '../../src/shared/store.ts';

export interface SteppedStore {
  readonly store: BreakerStore;
  /** Lets the store's clock go on by at least `ms` milliseconds. */
  pass(ms: number): Promise<void>;
  /** Sets the store's clock back, as far as this circuit can tell. */
  setBack(circuit: string, ms: number): Promise<void>;
  close(): Promise<void>;
}

const LONG_MS = 60_000;
const MEDIUM_MS = 600;
const SHORT_MS = 60;

/** One body for all stores: what becomes of a circuit whose store's clock is set back. */
export function describeClockSteps(name: string, create: () => Promise<SteppedStore>): void {
  describe(`${name} whose clock is set back`, () => {
    let subject: SteppedStore;
    let circuits = 0;
    const newCircuit = (): string => `c${++circuits}`;

    beforeAll(async () => {
      subject = await create();
    });
    afterAll(() => subject.close());

    const sync = (circuit: string, report: Partial<MemberReport> = {}): Promise<SharedView> =>
      subject.store.sync(circuit, {
        member: 'm1',
        liveMs: LONG_MS,
        voteMs: 0,
        quorum: 'any',
        expectedVersion: 0,
        openMs: LONG_MS,
        ...report,
      });

    const lease = (circuit: string, expectedVersion: number, request: Partial<LeaseRequest> = {}) =>
      subject.store.lease(circuit, {
        token: randomUUID(),
        leaseMs: MEDIUM_MS,
        expectedVersion,
        probes: 3,
        concurrent: 1,
        ...request,
      });

    const settle = (
      circuit: string,
      expectedVersion: number,
      token: string,
      result: Partial<ProbeResult> = {},
    ) =>
      subject.store.settle(circuit, {
        token,
        expectedVersion,
        verdict: 'success',
        probes: 3,
        maxFailures: 0,
        openMs: LONG_MS,
        ...result,
      });

    const halfOpen = async (circuit: string): Promise<SharedView> => {
      await sync(circuit, { voteMs: LONG_MS, openMs: SHORT_MS });
      await subject.pass(SHORT_MS);
      return subject.store.read(circuit);
    };

    it('an opening lasts no longer than its length once more', async () => {
      const circuit = newCircuit();
      await sync(circuit, { voteMs: LONG_MS, openMs: MEDIUM_MS });

      await subject.setBack(circuit, LONG_MS);
      const read = await subject.store.read(circuit);
      const reported = await sync(circuit);
      await subject.pass(MEDIUM_MS);
      const due = await lease(circuit, reported.version);

      for (const view of [read, reported]) {
        expect(view.state).toBe('open');
        expect(view.remainingMs).toBeLessThanOrEqual(MEDIUM_MS);
      }
      expect(due).toMatchObject({ state: 'half-open', version: read.version, isGranted: true });
    });

    it('an opening that was asked to last longer is not made shorter by anybody', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      await lease(circuit, version, { token: 'a' });
      const reopened = await settle(circuit, version, 'a', { verdict: 'failure' });

      await subject.setBack(circuit, SHORT_MS);
      const view = await sync(circuit, { openMs: SHORT_MS });

      expect(reopened).toMatchObject({ state: 'open', opens: 2, openMs: LONG_MS });
      expect(view.remainingMs).toBeLessThanOrEqual(LONG_MS);
      expect(view.remainingMs).toBeGreaterThan(LONG_MS - 10_000);
    });

    it.each(['a report', 'a lease'])(
      'a half-open circuit that %s has seen does not open again',
      async (what) => {
        const circuit = newCircuit();
        const { version } = await halfOpen(circuit);
        if (what === 'a report') await sync(circuit);
        else await lease(circuit, version, { concurrent: 2 });

        await subject.setBack(circuit, LONG_MS);

        expect(await subject.store.read(circuit)).toMatchObject({ state: 'half-open', version });
        const { isGranted } = await lease(circuit, version, { token: 'a', concurrent: 2 });
        expect(isGranted).toBe(true);
        expect(await settle(circuit, version, 'a')).toMatchObject({
          state: 'half-open',
          succeeded: 1,
          isCounted: true,
        });
      },
    );

    it('the place of a dead prober is back when its lease could have lasted once more, not before', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      await lease(circuit, version, { token: 'dead' });

      await subject.setBack(circuit, LONG_MS);
      // Members that see no place do not ask for one, so a report must do.
      const seen = await sync(circuit);
      const early = await lease(circuit, version);
      await subject.pass(MEDIUM_MS);
      const free = await subject.store.read(circuit);
      const late = await settle(circuit, version, 'dead', { verdict: 'failure' });
      const next = await lease(circuit, version);

      expect(seen).toMatchObject({ state: 'half-open', leases: 1 });
      expect(early).toMatchObject({ isGranted: false, leases: 1 });
      expect(free).toMatchObject({ state: 'half-open', leases: 0 });
      expect(late).toMatchObject({ state: 'half-open', isCounted: false });
      expect(next).toMatchObject({ isGranted: true });
    });

    it('a result counts under a lease that could not have lasted longer, and not later', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      for (const token of ['a', 'b']) await lease(circuit, version, { token, concurrent: 2 });

      await subject.setBack(circuit, LONG_MS);
      const first = await settle(circuit, version, 'a');
      await subject.pass(MEDIUM_MS);
      const second = await settle(circuit, version, 'b');

      expect(first).toMatchObject({ isCounted: true, succeeded: 1 });
      expect(second).toMatchObject({ isCounted: false, succeeded: 1 });
    });

    it('no lease ends before its time because another is shorter', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      await lease(circuit, version, { token: 'long', leaseMs: LONG_MS });
      await lease(circuit, version, { token: 'short', leaseMs: SHORT_MS, concurrent: 2 });

      await subject.setBack(circuit, MEDIUM_MS);
      await lease(circuit, version, { leaseMs: SHORT_MS });
      await subject.pass(2 * SHORT_MS);

      expect(await lease(circuit, version, { leaseMs: SHORT_MS })).toMatchObject({
        isGranted: false,
      });
      expect(await settle(circuit, version, 'long')).toMatchObject({ isCounted: true });
    });

    it('a member that is gone counts no longer than its time once more, nor does its vote', async () => {
      const circuit = newCircuit();
      const live = { liveMs: MEDIUM_MS, quorum: 3 };
      for (const member of ['m1', 'm2', 'm3']) await sync(circuit, { ...live, member });
      await sync(circuit, { ...live, member: 'm3', voteMs: LONG_MS });

      await subject.setBack(circuit, LONG_MS);
      await sync(circuit, live);
      const before = await subject.store.read(circuit);
      await subject.pass(MEDIUM_MS);
      const after = await sync(circuit, live);

      expect(before).toMatchObject({ state: 'closed', members: 3, votes: 1 });
      expect(after).toMatchObject({ state: 'closed', members: 1, votes: 0 });
    });

    it('members that came later than it says are known from now on', async () => {
      const circuit = newCircuit();
      await sync(circuit);

      await subject.setBack(circuit, LONG_MS);
      const early = await subject.store.read(circuit);
      await sync(circuit);
      await subject.pass(MEDIUM_MS);
      const late = await subject.store.read(circuit);

      expect(early).toMatchObject({ members: 1, knownMs: 0 });
      expect(late).toMatchObject({ members: 1 });
      expect(late.knownMs).toBeGreaterThanOrEqual(MEDIUM_MS);
    });

    it('no member is gone before its time because another reports more often', async () => {
      const circuit = newCircuit();
      await sync(circuit, { member: 'slow', liveMs: LONG_MS, voteMs: LONG_MS, quorum: 3 });

      await subject.setBack(circuit, MEDIUM_MS);
      for (let reports = 0; reports < 3; reports += 1) {
        await sync(circuit, { member: 'quick', liveMs: SHORT_MS });
        await subject.pass(2 * SHORT_MS);
      }
      await sync(circuit, { member: 'quick', liveMs: SHORT_MS });

      expect(await subject.store.read(circuit)).toMatchObject({ members: 2, votes: 1 });
    });
  });
}
