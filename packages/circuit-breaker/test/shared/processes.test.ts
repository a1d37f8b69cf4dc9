import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/internal';
import {
  isTorture,
  recordTorture,
  spawnNode,
  startRedisServer,
  testSeed,
  type NodeProcess,
  type ServerProcess,
} from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBreakerStore } from '../../src/shared/redis-breaker-store.ts';
import type { MemberMessage, MemberTask } from './fixtures/member.ts';
import { summarize, type ProbeEvent, type ProbeSummary } from './probe-log.ts';

const ROUNDS = isTorture ? 1_000 : 20;
const MEMBERS = 16;
const TASK = {
  seed: 1,
  openMs: 150,
  pollMs: 100,
  leaseMs: 1_500,
  probes: 3,
  concurrent: 2,
  isSick: true,
  failing: 0.3,
  deadly: isTorture ? 0.05 : 0.1,
  isLeaseChecked: true,
} as const;
/** What a machine that runs so many processes may add to a time that is measured. */
const SLACK_MS = 3_000;

let server: ServerProcess;
let client: Redis;
let places = 0;

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis(server.url, { replyMapping: 'legacy' });
});
afterAll(async () => {
  client.disconnect();
  await server.close();
});

/** Sixteen, say, real processes; one that dies is replaced. */
class Processes implements AsyncDisposable {
  readonly task: MemberTask;
  readonly running = new Set<NodeProcess<MemberMessage>>();
  killed = 0;
  #isOver = false;
  #spawned = 0;
  readonly #events: ProbeEvent[] = [];
  #lastId = '0';
  readonly #onMessage: (message: MemberMessage, member: NodeProcess<MemberMessage>) => void;

  constructor(
    task: Partial<MemberTask>,
    onMessage: (message: MemberMessage, member: NodeProcess<MemberMessage>) => void = () =>
      undefined,
  ) {
    this.task = { ...TASK, ...task, url: server.url, prefix: `p${++places}:` };
    this.#onMessage = onMessage;
  }

  async start(size: number): Promise<void> {
    await Promise.all(Array.from({ length: size }, () => this.#spawn()));
  }

  async #spawn(): Promise<void> {
    const seed = this.task.seed + ++this.#spawned;
    const file = new URL('fixtures/member.ts', import.meta.url);
    const member = await spawnNode<MemberMessage>(file, [JSON.stringify({ ...this.task, seed })]);
    this.running.add(member);
    await member.next();
    void this.#watch(member);
  }

  async #watch(member: NodeProcess<MemberMessage>): Promise<void> {
    try {
      for (;;) this.#onMessage(await member.next(), member);
    } catch {
      this.running.delete(member);
      if (this.#isOver) return;
      this.killed += 1;
      await this.#spawn().catch(() => undefined);
    }
  }

  /** All that the members have written down; what is new is fetched. */
  async events(): Promise<readonly ProbeEvent[]> {
    const entries = await client.xrange(`${this.task.prefix}log`, `(${this.#lastId}`, '+');
    for (const [id, [, kind, , token = '', , version = '']] of entries) {
      this.#lastId = id;
      const atMs = Number(id.split('-')[0]);
      this.#events.push({ atMs, kind: kind as ProbeEvent['kind'], token, version });
    }
    return this.#events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.running].map((member) => member.kill()));
  }
}

/** Lets the members probe until there were so many rounds; one in twenty costs some member its life at any moment. */
async function runRounds(
  rounds: number,
  size: number,
  task: Partial<MemberTask> = {},
): Promise<ProbeSummary & { readonly killed: number }> {
  await using processes = new Processes({ seed: testSeed(), ...task });
  const random = seededRandom(testSeed());
  await processes.start(size);
  for (let seen = 0; ;) {
    const summary = summarize(await processes.events(), processes.task);
    if (summary.rounds >= rounds) return { ...summary, killed: processes.killed };
    const isUnlucky = summary.rounds > seen && random() < 0.05;
    const victims = [...processes.running];
    if (isUnlucky) await victims[Math.floor(random() * victims.length)]?.kill();
    if (isTorture && Math.floor(summary.rounds / 50) > Math.floor(seen / 50)) {
      process.stdout.write(`shared breaker: ${JSON.stringify(summary)}\n`);
    }
    seen = summary.rounds;
    await delay(100);
  }
}

describe('a circuit that 16 processes share', () => {
  it(
    `sends no more probes than the limit in ${ROUNDS} rounds, while probers are killed`,
    { timeout: isTorture ? 3_600_000 : 120_000 },
    async () => {
      const startedMs = performance.now();

      const result = await runRounds(ROUNDS, MEMBERS);

      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      recordTorture({ name: 'shared-breaker', size: ROUNDS, seed: testSeed(), result, seconds });
      expect(result.violations).toBe(0);
      expect(result.mostAtOnce).toBeLessThanOrEqual(TASK.concurrent);
      expect(result.mostInRound).toBeLessThanOrEqual(TASK.probes);
      expect(result.started).toBeGreaterThanOrEqual(ROUNDS);
    },
  );

  it('negative control: goes beyond the limit when every lease is granted', async () => {
    const result = await runRounds(5, 8, { isLeaseChecked: false, deadly: 0, failing: 0.1 });

    expect(result.violations).toBeGreaterThan(0);
    expect(result.mostAtOnce).toBeGreaterThan(TASK.concurrent);
  });

  it('S07: has the place of a dead prober back when its lease is over, and not before', async () => {
    const only = { probes: 1, concurrent: 1, deadly: 1, leaseMs: 900, pollMs: 100 };
    await using processes = new Processes(only);
    await processes.start(4);
    let events: readonly ProbeEvent[] = [];
    const starts = () => events.filter(({ kind }) => kind === 'start');
    while (starts().length < 4) {
      await delay(50);
      events = await processes.events();
    }

    const asked = starts().map(({ token }) =>
      Number(events.find((event) => event.kind === 'ask' && event.token === token)?.atMs),
    );
    const gaps = starts()
      .slice(1)
      .map(({ atMs }, index) => atMs - Number(asked[index]));

    expect(new Set(starts().map(({ version }) => version)).size).toBe(1);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(only.leaseMs);
      expect(gap).toBeLessThan(only.leaseMs + only.pollMs + SLACK_MS);
    }
  });

  it('S08: one sick member of 16 opens nothing; nine open it for all', async () => {
    const opened = new Map<object, number>();
    const sawVote = new Set<object>();
    const openMs = 60_000;
    await using processes = new Processes({ isSick: false, openMs }, (message, member) => {
      if (message.kind === 'votes') sawVote.add(member);
      const isOpen = message.kind === 'state' && message.state === 'open' && message.isShared;
      if (isOpen && !opened.has(member)) opened.set(member, message.atMs);
    });
    const store = redisBreakerStore(client, { prefix: processes.task.prefix });
    await processes.start(MEMBERS);
    const [sick, ...others] = [...processes.running];

    sick?.send({ isSick: true });
    while (sawVote.size < MEMBERS) await delay(20);
    const openedByOne = (await store.read('upstream')).opens;
    for (const member of others.slice(0, 8)) member.send({ isSick: true });
    while (opened.size < MEMBERS) await delay(20);

    const { remainingMs } = await store.read('upstream');
    const openedMs = Date.now() - (openMs - remainingMs);
    const lags = [...opened.values()].map((atMs) => atMs - openedMs);
    const slowestMs = Math.max(...lags);
    const result = { pollMs: TASK.pollMs, slowestMs };
    const name = 'shared-breaker-spread';
    recordTorture({ name, size: MEMBERS, seed: testSeed(), result, seconds: 0 });
    expect(openedByOne).toBe(0);
    expect(slowestMs).toBeLessThan(TASK.pollMs + SLACK_MS);
  });
});
