import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom, type Random } from '@holdfast/internal';
import {
  spawnNode,
  startFaultProxy,
  startPgbouncerServer,
  startPostgresServer,
  type FaultProxy,
  type NodeProcess,
  type ServerProcess,
} from '@holdfast/testkit';
import { Client } from 'pg';
import type { MemberMessage, MemberTask } from '../fixtures/mutex-member.ts';
import { judgeHistory, type HistoryVerdict, type Interval } from './history.ts';

export interface MutexRun {
  readonly kind: MemberTask['kind'];
  readonly route: 'direct' | 'transaction pooler' | 'session pooler';
  readonly members: number;
  readonly faults: number;
  readonly seed: number;
}

export interface MutexResult extends HistoryVerdict {
  readonly faults: Readonly<Record<FaultName, number>>;
  /** Of the counter that each holder adds to, beyond what its history says: 0 unless an update was lost or doubled. */
  readonly drift: number;
  /** Processes that ended although nobody killed them. */
  readonly crashes: number;
}

const FAULTS = ['terminate', 'kill', 'freeze', 'cut', 'restart'] as const;
type FaultName = (typeof FAULTS)[number];

const HOLD_MS = 4;

/** Lets processes fight for one lock while connections, processes and the server die. */
export async function runMutex(run: MutexRun): Promise<MutexResult> {
  await using server = await startPostgresServer();
  await onServer(server, 'create table counter (value int not null)');
  await onServer(server, 'insert into counter values (0)');
  await using proxy = await startFaultProxy(server);
  const upstream = proxy.urlFor(server.url);
  await using pooler =
    run.route === 'direct'
      ? undefined
      : await startPgbouncerServer(upstream, {
          mode: run.route === 'session pooler' ? 'session' : 'transaction',
          poolSize: 30,
        });
  const arena = new Arena(server, proxy, pooler?.url ?? upstream, run);
  await arena.start();
  const counts = { terminate: 0, kill: 0, freeze: 0, cut: 0, restart: 0 };
  for (let fault = 0; fault < run.faults; fault += 1) {
    // A fault strikes among holders, however long they need to come back from the one before.
    await arena.anotherHold();
    await delay(30 + 60 * arena.random());
    // A restart takes a second, so it is rare.
    const name = fault % 25 === 24 ? 'restart' : FAULTS[Math.floor(4 * arena.random())]!;
    counts[name] += 1;
    await arena.break(name);
  }
  await arena.anotherHold();
  const intervals = await arena.stop();
  const { rows } = await onServer<{ value: number }>(server, 'select value from counter');
  const added = intervals.filter(({ how }) => how === 'ok').length;
  // One whose process was killed, or whose answer was lost, may have been committed all the same.
  const unsure = intervals.length - added;
  const value = rows[0]?.value ?? NaN;
  const drift = run.kind === 'session' ? 0 : Math.max(added - value, value - added - unsure, 0);
  if (drift > 0) process.stdout.write(`drift: ${JSON.stringify({ added, unsure, value })}\n`);
  return { ...judgeHistory(intervals), faults: counts, drift, crashes: arena.crashes };
}

class Arena {
  readonly random: Random;
  readonly #server: ServerProcess;
  readonly #proxy: FaultProxy;
  readonly #task: MemberTask;
  readonly #size: number;
  readonly #members = new Map<number, NodeProcess<MemberMessage>>();
  readonly #watches: Promise<void>[] = [];
  readonly #intervals: Interval[] = [];
  #last = 0;
  /** That went well. */
  #holds = 0;
  /** Processes that have ended by themselves. */
  crashes = 0;
  #isOver = false;

  constructor(server: ServerProcess, proxy: FaultProxy, url: string, run: MutexRun) {
    this.random = seededRandom(run.seed);
    this.#server = server;
    this.#proxy = proxy;
    this.#size = run.members;
    const pooler = run.route === 'session pooler' ? 'session-mode' : 'refuse';
    this.#task = { url, kind: run.kind, pooler, holdMs: HOLD_MS };
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#size }, () => this.#spawn()));
  }

  async stop(): Promise<readonly Interval[]> {
    this.#isOver = true;
    for (const member of this.#members.values()) member.send('end');
    await Promise.all(this.#watches);
    return this.#intervals;
  }

  /** Resolves when somebody has told of one more hold that went well. */
  async anotherHold(): Promise<void> {
    const before = this.#holds;
    while (this.#holds === before) await delay(5);
  }

  async break(name: FaultName): Promise<void> {
    switch (name) {
      case 'terminate':
        await onServer(
          this.#server,
          `select pg_terminate_backend(pid) from pg_stat_activity
           where backend_type = 'client backend' and pid <> pg_backend_pid()
           order by random() limit 1`,
        );
        return;
      case 'kill':
        await this.#any().kill();
        // Its successor takes a second to come, and somebody must be left.
        while (this.#members.size < this.#size) await delay(10);
        return;
      case 'freeze': {
        const member = this.#any();
        member.freeze();
        await delay(100 * this.random());
        member.thaw();
        return;
      }
      case 'cut':
        this.#proxy.cutAll();
        return;
      case 'restart':
        await this.#server.kill();
        await this.#server.start();
        return;
      default: {
        const impossible: never = name;
        return impossible;
      }
    }
  }

  #any(): NodeProcess<MemberMessage> {
    const members = [...this.#members.values()];
    return members[Math.floor(this.random() * members.length)]!;
  }

  async #spawn(): Promise<void> {
    const id = ++this.#last;
    const file = new URL('../fixtures/mutex-member.ts', import.meta.url);
    const member = await spawnNode<MemberMessage>(file, [JSON.stringify(this.#task)]);
    await member.next();
    this.#members.set(id, member);
    this.#watches.push(this.#watch(id, member));
  }

  /** Keeps what a member tells, to its end; what it held then it holds until it is known to be dead. */
  async #watch(id: number, member: NodeProcess<MemberMessage>): Promise<void> {
    let sinceUs: number | undefined;
    for await (const message of messagesOf(member)) {
      if ('holdingSinceUs' in message) sinceUs = message.holdingSinceUs;
      if (!('how' in message)) continue;
      this.#intervals.push({ member: id, ...message });
      if (message.how === 'ok') this.#holds += 1;
      sinceUs = undefined;
    }
    const toUs = Number(process.hrtime.bigint() / 1_000n);
    if (sinceUs !== undefined) {
      this.#intervals.push({ member: id, fromUs: sinceUs, toUs, how: 'killed' });
    }
    this.#members.delete(id);
    const { signal } = await member.exited;
    // Whatever dies under it, a process must not.
    if (signal === null && !this.#isOver) this.crashes += 1;
    if (!this.#isOver) await this.#spawn();
  }
}

/** What a member tells, to its end, however it ends. */
async function* messagesOf(member: NodeProcess<MemberMessage>): AsyncGenerator<MemberMessage> {
  for (;;) {
    try {
      yield await member.next();
    } catch {
      return;
    }
  }
}

async function onServer<Row extends object = object>(
  { url }: ServerProcess,
  statement: string,
): Promise<{ readonly rows: Row[] }> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.query<Row>(statement);
  } finally {
    await client.end();
  }
}
