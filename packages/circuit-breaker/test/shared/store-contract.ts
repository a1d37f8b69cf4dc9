import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  BreakerStore,
  LeaseRequest,
  MemberReport,
  ProbeResult,
  SharedView,
} from '../../src/shared/store.ts';

export interface StoreUnderTest {
  readonly store: BreakerStore;
  /** Lets the store's clock go on by at least `ms` milliseconds. */
  pass(ms: number): Promise<void>;
  /** What the store keeps for a circuit, as names. */
  kept?(circuit: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

const CLOSED: SharedView = {
  state: 'closed',
  version: 0,
  remainingMs: 0,
  opens: 0,
  openMs: 0,
  succeeded: 0,
  leases: 0,
  votes: 0,
  members: 0,
  knownMs: 0,
};
const LONG_MS = 60_000;
const SHORT_MS = 60;

/** One body for all stores: what a shared circuit breaker relies on. */
export function describeBreakerStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a breaker store`, () => {
    let subject: StoreUnderTest;
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
        leaseMs: LONG_MS,
        expectedVersion,
        probes: 3,
        concurrent: 10,
        ...request,
      });

    const settle = (
      circuit: string,
      expectedVersion: number,
      token: string,
      verdict: ProbeResult['verdict'],
      result: Partial<ProbeResult> = {},
    ) =>
      subject.store.settle(circuit, {
        token,
        expectedVersion,
        verdict,
        probes: 3,
        maxFailures: 0,
        openMs: LONG_MS,
        ...result,
      });

    const open = (circuit: string, report: Partial<MemberReport> = {}): Promise<SharedView> =>
      sync(circuit, { voteMs: LONG_MS, ...report });

    /** Opened, and its time is over. */
    const halfOpen = async (circuit: string): Promise<SharedView> => {
      await open(circuit, { openMs: SHORT_MS });
      await subject.pass(SHORT_MS);
      return subject.store.read(circuit);
    };

    it('S01: reads an unknown circuit as closed, and records nothing about it', async () => {
      const circuit = newCircuit();

      expect(await subject.store.read(circuit)).toEqual(CLOSED);
      expect(await lease(circuit, 0)).toEqual({ ...CLOSED, isGranted: false });
      expect(await settle(circuit, 0, 't', 'success')).toEqual({ ...CLOSED, isCounted: false });
      expect(await settle(circuit, 0, 't', 'failure')).toEqual({ ...CLOSED, isCounted: false });
      await subject.store.leave(circuit, 'm1');

      expect(await subject.store.read(circuit)).toEqual(CLOSED);
      expect((await subject.kept?.(circuit)) ?? []).toEqual([]);
    });

    it('S02: opens once, whoever votes again and however often', async () => {
      const circuit = newCircuit();
      const opened = await open(circuit);

      const again = await open(circuit);
      const late = await open(circuit, { member: 'm2', expectedVersion: opened.version });

      expect(opened).toMatchObject({ state: 'open', opens: 1, openMs: LONG_MS, votes: 1 });
      for (const view of [again, late]) {
        expect(view).toMatchObject({ state: 'open', version: opened.version, opens: 1 });
        expect(view.remainingMs).toBeLessThanOrEqual(opened.remainingMs);
      }
    });

    it('S03: is half-open only when the wait is over by its own clock', async () => {
      const circuit = newCircuit();
      const opened = await open(circuit, { openMs: 10 * SHORT_MS });

      const early = await lease(circuit, opened.version);
      await subject.pass(early.remainingMs);
      const due = await lease(circuit, opened.version);

      expect(early).toMatchObject({ state: 'open', isGranted: false });
      expect(early.remainingMs).toBeGreaterThan(0);
      expect(due).toMatchObject({ state: 'half-open', remainingMs: 0, isGranted: true });
    });

    it('S03: looking again, and asking again, gives no new budget of probes', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      await lease(circuit, version, { token: 'a' });
      await settle(circuit, version, 'a', 'success');

      await sync(circuit);
      await lease(circuit, version, { token: 'b' });
      await lease(circuit, version, { token: 'b' });
      const view = await subject.store.read(circuit);

      expect(view).toMatchObject({ version, succeeded: 1, leases: 1 });
      expect(await lease(circuit, version, { token: 'c' })).toMatchObject({ isGranted: true });
      expect(await lease(circuit, version, { token: 'd' })).toMatchObject({ isGranted: false });
    });

    it('S04: grants so many leases at once, and no more', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);

      const answers = await Promise.all(
        Array.from({ length: 16 }, () => lease(circuit, version, { probes: 100, concurrent: 5 })),
      );

      expect(answers.filter(({ isGranted }) => isGranted)).toHaveLength(5);
      expect((await subject.store.read(circuit)).leases).toBe(5);
    });

    it('S05: a delayed close cannot win over a reopening', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      for (const token of ['a', 'b', 'c']) await lease(circuit, version, { token });
      await settle(circuit, version, 'a', 'success');
      await settle(circuit, version, 'b', 'success');
      const reopened = await settle(circuit, version, 'c', 'failure', { openMs: SHORT_MS });
      await subject.pass(SHORT_MS);

      const delayed = await settle(circuit, version, 'a', 'success', { probes: 1 });

      expect(reopened).toMatchObject({ state: 'open', opens: 2, isCounted: true });
      expect(delayed).toMatchObject({ state: 'half-open', succeeded: 0, isCounted: false });
      expect(delayed.version).toBe(reopened.version);
    });

    it('S05: a delayed failure, and a delayed vote, cannot win over a close', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      for (const token of ['a', 'b']) await lease(circuit, version, { token });
      const closed = await settle(circuit, version, 'a', 'success', { probes: 1 });

      const failure = await settle(circuit, version, 'b', 'failure');
      const vote = await open(circuit, { expectedVersion: version });
      const oldest = await open(circuit, { expectedVersion: 0 });

      expect(closed).toMatchObject({ state: 'closed', opens: 0, openMs: 0 });
      expect(closed.version).toBeGreaterThan(version);
      expect(failure).toMatchObject({ state: 'closed', isCounted: false });
      for (const view of [vote, oldest]) {
        expect(view).toMatchObject({ state: 'closed', version: closed.version, votes: 0 });
      }
      expect(await open(circuit, { expectedVersion: closed.version })).toMatchObject({
        state: 'open',
        opens: 1,
      });
    });

    it('counts a result once, however often it is sent', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      await lease(circuit, version, { token: 'a' });

      const first = await settle(circuit, version, 'a', 'success');
      const again = await settle(circuit, version, 'a', 'success');
      const unknown = await settle(circuit, version, 'never asked for', 'failure');

      expect(first).toMatchObject({ succeeded: 1, leases: 0, isCounted: true });
      expect(again).toMatchObject({ succeeded: 1, isCounted: false });
      expect(unknown).toMatchObject({ state: 'half-open', isCounted: false });
    });

    it('gives the place of an ignored probe back, without a verdict', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      await lease(circuit, version, { token: 'a', concurrent: 1 });

      const view = await settle(circuit, version, 'a', 'ignore');

      expect(view).toMatchObject({ state: 'half-open', succeeded: 0, leases: 0, isCounted: true });
      expect(await lease(circuit, version, { concurrent: 1 })).toMatchObject({ isGranted: true });
    });

    it('opens again only after more failures than are allowed, and remembers how often', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      for (const token of ['a', 'b']) await lease(circuit, version, { token });

      const first = await settle(circuit, version, 'a', 'failure', { maxFailures: 1 });
      const second = await settle(circuit, version, 'b', 'failure', { maxFailures: 1, openMs: 77 });

      expect(first).toMatchObject({ state: 'half-open', version });
      expect(second).toMatchObject({ state: 'open', opens: 2, openMs: 77 });
    });

    it('S07: gives the place of a dead prober back when its lease is over, and not before', async () => {
      const circuit = newCircuit();
      const { version } = await halfOpen(circuit);
      const only = { concurrent: 1, leaseMs: 15 * SHORT_MS };
      await lease(circuit, version, { ...only, token: 'dead' });

      const early = await lease(circuit, version, only);
      await subject.pass(15 * SHORT_MS);
      const late = await settle(circuit, version, 'dead', 'failure');
      const next = await lease(circuit, version, only);

      expect(early).toMatchObject({ isGranted: false, leases: 1 });
      expect(late).toMatchObject({ state: 'half-open', isCounted: false, leases: 0 });
      expect(next).toMatchObject({ isGranted: true, leases: 1 });
    });

    it('S08: one vote of 16 under majority opens nothing, nine open', async () => {
      const circuit = newCircuit();
      for (let n = 1; n <= 16; n += 1) await sync(circuit, { member: `m${n}` });
      const vote = (n: number): Promise<SharedView> =>
        open(circuit, { member: `m${n}`, quorum: 'majority' });

      for (let n = 1; n <= 8; n += 1) {
        expect(await vote(n)).toMatchObject({ state: 'closed', votes: n, members: 16 });
      }
      expect(await vote(1)).toMatchObject({ state: 'closed', votes: 8 });
      expect(await vote(9)).toMatchObject({ state: 'open', votes: 9, members: 16 });
      expect(await subject.store.read(circuit)).toMatchObject({ votes: 0, members: 16 });
    });

    it('S08: one vote of fewer than three members is enough only when all have had the time to come', async () => {
      for (const quorum of ['majority', 2, 9] as const) {
        const circuit = newCircuit();
        const vote = { quorum, liveMs: 5 * SHORT_MS };

        const first = await open(circuit, vote);
        await sync(circuit, { member: 'm2' });
        const second = await open(circuit, vote);
        await subject.pass(5 * SHORT_MS);
        const gone = await subject.store.read(circuit);
        const late = await open(circuit, vote);

        expect(first).toMatchObject({ state: 'closed', votes: 1, members: 1, knownMs: 0 });
        expect(second).toMatchObject({ state: 'closed', votes: 1, members: 2 });
        expect(gone).toMatchObject({ state: 'closed', votes: 0, members: 1 });
        expect(gone.knownMs).toBeGreaterThanOrEqual(5 * SHORT_MS);
        expect(late).toMatchObject({ state: 'open', votes: 1, members: 2 });
      }
    });

    it('S08: two votes of two are no majority either while others may still come, but are two', async () => {
      const [majority, two, one] = [newCircuit(), newCircuit(), newCircuit()];
      for (const member of ['m1', 'm2']) await open(majority, { quorum: 'majority', member });
      const first = await open(two, { quorum: 2 });

      expect(await subject.store.read(majority)).toMatchObject({ state: 'closed', votes: 2 });
      expect(first).toMatchObject({ state: 'closed', votes: 1 });
      expect(await open(two, { quorum: 2, member: 'm2' })).toMatchObject({ state: 'open' });
      expect(await open(one, { quorum: 1 })).toMatchObject({ state: 'open' });
    });

    it('S08: waits anew for others when all members were gone', async () => {
      const circuit = newCircuit();
      const vote = { quorum: 'majority', liveMs: SHORT_MS } as const;
      await sync(circuit);
      await subject.pass(SHORT_MS);
      await subject.store.leave(circuit, 'm1');
      const empty = await subject.store.read(circuit);

      expect(empty).toMatchObject({ members: 0, knownMs: 0 });
      expect(await open(circuit, vote)).toMatchObject({ state: 'closed', knownMs: 0 });
      await subject.pass(2 * SHORT_MS);
      expect(await open(circuit, vote)).toMatchObject({ state: 'closed', knownMs: 0 });
    });

    it('a number of votes is that many, or all members when there are fewer', async () => {
      const circuit = newCircuit();
      for (const member of ['m1', 'm2', 'm3']) await sync(circuit, { member });

      expect(await open(circuit, { quorum: 2 })).toMatchObject({ state: 'closed', votes: 1 });
      expect(await open(circuit, { quorum: 2, member: 'm2' })).toMatchObject({ state: 'open' });
      const other = newCircuit();
      for (const member of ['m1', 'm2', 'm3']) await sync(other, { member });
      for (const member of ['m1', 'm2']) await open(other, { quorum: 9, member });
      const last = { quorum: 9, member: 'm3' } as const;
      expect(await open(other, last)).toMatchObject({ state: 'closed', votes: 3 });
      await subject.pass(SHORT_MS);
      expect(await open(other, { ...last, liveMs: SHORT_MS })).toMatchObject({ state: 'open' });
    });

    it('counts neither votes nor members that have expired, left, or changed their mind', async () => {
      const circuit = newCircuit();
      for (const member of ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']) await sync(circuit, { member });
      const vote = { quorum: 6 } as const;
      await open(circuit, { ...vote, member: 'm1', liveMs: 10 * SHORT_MS });
      await open(circuit, { ...vote, member: 'm2', voteMs: 10 * SHORT_MS });
      await open(circuit, { ...vote, member: 'm3' });
      await open(circuit, { ...vote, member: 'm4' });
      expect(await subject.store.read(circuit)).toMatchObject({ votes: 4, members: 6 });

      await subject.pass(10 * SHORT_MS);
      await subject.store.leave(circuit, 'm3');
      await sync(circuit, { member: 'm4' });

      expect(await subject.store.read(circuit)).toMatchObject({ votes: 0, members: 4 });
    });

    it('S09: a member that is new changes nothing', async () => {
      const circuit = newCircuit();
      const opened = await open(circuit);

      const seen = await sync(circuit, { member: 'new' });

      expect(seen).toMatchObject({ state: 'open', version: opened.version, opens: 1 });
    });

    it('keeps circuits apart, whatever they are called', async () => {
      const names = ['a}b', '{a', '}', 'a', '%7D', ' ', 'ключ'].map((text) => `${text}${circuits}`);
      for (const circuit of ['}', ...names]) {
        expect(await open(circuit), circuit).toMatchObject({ state: 'open', members: 1 });
      }
    });
  });
}
