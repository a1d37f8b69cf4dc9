import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom, type Random } from '@holdfast/internal';
import {
  startFaultProxy,
  startRedisServer,
  type FaultProxy,
  type ServerProcess,
  type SetFault,
} from '@holdfast/testkit';
import { Redis } from 'ioredis';

export type Reported = 'applied' | 'not-applied' | 'unknown';
export type Kind = 'incr' | 'set';
export type FaultName = keyof typeof MIX;

/** What is drilled: a guard, or the bare client as the negative control. */
export interface Subject {
  write(kind: Kind, key: string): Promise<Reported>;
  /** Resolves when it can write again. */
  recover(): Promise<void>;
  /** Where the server keeps it. */
  nameOf(kind: Kind, key: string): string;
  close(): Promise<void>;
}

export interface DrillOptions {
  readonly size: number;
  readonly seed: number;
  /** What the subject promises: every call settles within it. */
  readonly timeoutMs: number;
  readonly createSubject: (url: string) => Promise<Subject>;
  /** Default: all, as often as `MIX` says. */
  readonly only?: FaultName | undefined;
  readonly onProgress?: ((faults: number) => void) | undefined;
}

export interface DrillResult {
  faults: Record<FaultName, number>;
  calls: number;
  applied: number;
  notApplied: number;
  unknown: number;
  /** Calls of each fault, and how many of them were unknown: cuts can be found out about, a frozen server cannot. */
  outcomes: Record<FaultName, { calls: number; unknown: number }>;
  /** Not settled within the time-out and a margin. */
  hung: number;
  /** Reported as failed, and there. */
  ghosts: number;
  /** Incremented twice by one call. */
  doubled: number;
  /** Reported as applied, and not there. */
  lost: number;
  p99Ms: number;
  maxMs: number;
}

/** Faults in 1 000. */
const MIX = {
  /** The connection is cut before the request of one of the calls is forwarded. */
  cutRequest: 440,
  /** The server has the requests; the connection is cut somewhere in its replies. */
  cutReply: 390,
  /** Replies come later than the time-out. */
  delayReply: 90,
  /** SIGSTOP before or after the requests, SIGCONT before or after the time-out. */
  freeze: 25,
  /** As `freeze`, and then the connections are cut: requests wait in the server for a client that has gone. */
  freezeAndCut: 25,
  /** SIGKILL while requests are on their way, then a restart on the same port with the same append-only file. */
  kill: 30,
};

const OF_THE_SERVER: readonly FaultName[] = ['freeze', 'freezeAndCut', 'kill'];
const LANES = 8;
/** How much later than its time-out a call may settle before it counts as hung: a busy machine is no defect. */
const MARGIN_MS = 1_000;

interface Call {
  readonly name: string;
  readonly kind: Kind;
  /** Undefined: before the fault. */
  readonly fault: FaultName | undefined;
  reported: Reported | 'hung';
}

interface Write {
  readonly kind: Kind;
  readonly key: string;
  readonly fault: FaultName | undefined;
}

interface Lane {
  readonly proxy: FaultProxy;
  readonly subject: Subject;
}

/** Breaks a real server `size` times while calls are in flight, then compares what was reported with what is there. */
export async function runDrill(options: DrillOptions): Promise<DrillResult> {
  await using server = await startRedisServer({ appendonly: true });
  const lanes: Lane[] = [];
  try {
    for (let lane = 0; lane < LANES; lane += 1) {
      const proxy = await startFaultProxy(server);
      const subject = await options.createSubject(proxy.urlFor(server.url));
      lanes.push({ proxy, subject });
    }
    return await new Drill(options, server, lanes).run();
  } finally {
    for (const { proxy, subject } of lanes) {
      await subject.close();
      await proxy.close();
    }
  }
}

class Drill {
  readonly #options: DrillOptions;
  readonly #server: ServerProcess;
  readonly #lanes: readonly Lane[];
  readonly #random: Random;
  readonly #calls: Call[] = [];
  readonly #durations: number[] = [];
  readonly #faults: Record<FaultName, number> = {
    cutRequest: 0,
    cutReply: 0,
    delayReply: 0,
    freeze: 0,
    freezeAndCut: 0,
    kill: 0,
  };

  constructor(options: DrillOptions, server: ServerProcess, lanes: readonly Lane[]) {
    this.#options = options;
    this.#server = server;
    this.#lanes = lanes;
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<DrillResult> {
    let done = 0;
    for (const round of this.#plan()) {
      await this.#round(round);
      done += round.length;
      this.#options.onProgress?.(done);
    }
    return this.#judge();
  }

  /** Rounds: one fault of the proxy in each lane at the same time, or one of the server for all lanes. */
  #plan(): FaultName[][] {
    const { size, only } = this.#options;
    const names = Object.keys(MIX) as FaultName[];
    const rounds = names.flatMap((name) => {
      const share = only === undefined ? MIX[name] / 1_000 : only === name ? 1 : 0;
      const count = Math.round(size * share);
      const width = OF_THE_SERVER.includes(name) ? 1 : LANES;
      return Array.from({ length: Math.ceil(count / width) }, (_, round) =>
        new Array<FaultName>(Math.min(width, count - round * width)).fill(name),
      );
    });
    return rounds
      .map((round) => ({ round, order: this.#random() }))
      .sort((a, b) => a.order - b.order)
      .map(({ round }) => round);
  }

  async #round(round: readonly FaultName[]): Promise<void> {
    const name = round[0]!;
    const lanes = OF_THE_SERVER.includes(name) ? this.#lanes : this.#lanes.slice(0, round.length);
    const id = this.#faults[name];
    this.#faults[name] += round.length;
    // Most faults hit a connection that has written before; the others hit the first write of one.
    if (this.#random() < 0.8) {
      await Promise.all(
        lanes.map((lane, index) =>
          this.#write(lane, { kind: 'set', key: `warm:${name}:${id}:${index}`, fault: undefined }),
        ),
      );
    }
    const batches = lanes.map((_, lane) =>
      Array.from({ length: 1 + Math.floor(this.#random() * 4) }, (_call, call) => ({
        kind: this.#random() < 0.6 ? ('incr' as const) : ('set' as const),
        key: `${name}:${id}:${lane}:${call};`,
        fault: name,
      })),
    );
    const issue = (): Promise<unknown> =>
      Promise.all(
        lanes.flatMap((lane, index) => batches[index]!.map((write) => this.#write(lane, write))),
      );
    if (name === 'freeze' || name === 'freezeAndCut') await this.#freeze(name, issue);
    else if (name === 'kill') await this.#kill(issue);
    else await this.#disturb(name, lanes, batches, issue);
    await Promise.all(lanes.map(({ subject }) => subject.recover()));
  }

  async #disturb(
    name: FaultName,
    lanes: readonly Lane[],
    batches: readonly (readonly { readonly key: string }[])[],
    issue: () => Promise<unknown>,
  ): Promise<void> {
    const faults = lanes.map(({ proxy }, index) => this.#setFault(name, proxy, batches[index]!));
    await issue();
    for (const fault of faults) fault.lift();
  }

  #setFault(
    name: FaultName,
    proxy: FaultProxy,
    batch: readonly { readonly key: string }[],
  ): SetFault {
    const victim = batch[Math.floor(this.#random() * batch.length)]!;
    if (name === 'cutRequest') {
      const rule = { pattern: victim.key, when: 'before' } as const;
      return proxy.set('open', { kind: 'cut', direction: 'toServer', rule });
    }
    if (name === 'cutReply') {
      const rule = { afterBytes: 1 + Math.floor(this.#random() * 6 * batch.length) };
      return proxy.set('open', { kind: 'cut', direction: 'toClient', rule });
    }
    const ms = this.#options.timeoutMs * (1.1 + this.#random());
    return proxy.set('open', { kind: 'delay', direction: 'toClient', ms });
  }

  async #freeze(name: FaultName, issue: () => Promise<unknown>): Promise<void> {
    const isBefore = this.#random() < 0.5;
    const thawAfterMs = this.#options.timeoutMs * 1.6 * this.#random();
    const isLong = this.#random() < 0.5;
    if (isBefore) await this.#server.freeze();
    const settled = issue();
    if (!isBefore) await this.#server.freeze();
    if (name === 'freezeAndCut') {
      await delay(this.#random() * 20);
      for (const { proxy } of this.#lanes) proxy.cutAll();
    }
    await (isLong ? settled : delay(thawAfterMs));
    this.#server.thaw();
    await settled;
  }

  async #kill(issue: () => Promise<unknown>): Promise<void> {
    const settled = issue();
    if (this.#random() < 0.5) await delay(this.#random() * 5);
    await this.#server.kill();
    await this.#server.start();
    await settled;
  }

  async #write({ subject }: Lane, { kind, key, fault }: Write): Promise<void> {
    const { timeoutMs } = this.#options;
    const giveUp = new AbortController();
    const startedMs = performance.now();
    const reported = await Promise.race([
      subject.write(kind, key),
      delay(timeoutMs + MARGIN_MS, 'hung' as const, { signal: giveUp.signal }).catch(
        () => 'hung' as const,
      ),
    ]);
    giveUp.abort();
    this.#durations.push(performance.now() - startedMs);
    this.#calls.push({ name: subject.nameOf(kind, key), kind, fault, reported });
  }

  async #judge(): Promise<DrillResult> {
    // What may still be on its way gets the time to arrive.
    await delay(500);
    const truth = await this.#read();
    const count = (test: (call: Call, value: string | null) => boolean): number =>
      this.#calls.filter((call, index) => test(call, truth[index]!)).length;
    const durations = this.#durations.sort((a, b) => a - b);
    return {
      faults: this.#faults,
      outcomes: this.#outcomes(),
      calls: this.#calls.length,
      applied: count((call) => call.reported === 'applied'),
      notApplied: count((call) => call.reported === 'not-applied'),
      unknown: count((call) => call.reported === 'unknown'),
      hung: count((call) => call.reported === 'hung'),
      ghosts: count((call, value) => call.reported === 'not-applied' && value !== null),
      doubled: count((call, value) => call.kind === 'incr' && Number(value) > 1),
      lost: count((call, value) => call.reported === 'applied' && value === null),
      p99Ms: Math.round(durations[Math.floor(durations.length * 0.99)]!),
      maxMs: Math.round(durations.at(-1)!),
    };
  }

  #outcomes(): DrillResult['outcomes'] {
    const of = (fault: FaultName) => {
      const calls = this.#calls.filter((call) => call.fault === fault);
      const unknown = calls.filter(({ reported }) => reported === 'unknown').length;
      return { calls: calls.length, unknown };
    };
    return {
      cutRequest: of('cutRequest'),
      cutReply: of('cutReply'),
      delayReply: of('delayReply'),
      freeze: of('freeze'),
      freezeAndCut: of('freezeAndCut'),
      kill: of('kill'),
    };
  }

  async #read(): Promise<(string | null)[]> {
    const client = new Redis(this.#server.url);
    const values: (string | null)[] = [];
    for (let from = 0; from < this.#calls.length; from += 1_000) {
      values.push(...(await client.mget(this.#calls.slice(from, from + 1_000).map(nameOf))));
    }
    client.disconnect();
    return values;
  }
}

const nameOf = ({ name }: Call): string => name;
