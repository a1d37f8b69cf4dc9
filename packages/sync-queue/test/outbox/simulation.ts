import {
  createOutbox,
  createReceiver,
  memoryOutboxStore,
  memoryReceiptStore,
  resolvers,
  type MemoryTransaction,
  type Op,
  type Outbox,
  type OutboxStore,
  type PushReply,
  type PushRequest,
  type RequestVerdict,
} from '@holdfast/sync-queue';
import { seededRandom, type Clock, type Random, type Timer } from '@holdfast/internal';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { applyVersioned, keyOf, type ServerDoc } from './set-up.ts';

export interface Schedule {
  readonly seed: number;
  /** Negative controls: a receiver without receipts, an outbox whose store forgets what it has sent. */
  readonly without?: 'receipts' | 'memory-of-sent' | undefined;
}

export interface Verdict {
  readonly edits: number;
  /** Tickets without an end, and effects of applied ones that the server does not have. */
  readonly lost: number;
  /** Effects that the server has more than once. */
  readonly doubled: number;
  /** Tickets with more than one end. */
  readonly endedTwice: number;
  /** Documents that a client sees otherwise than the server. */
  readonly diverged: number;
  /** Stalls that were not told within a second. */
  readonly untold: number;
  readonly stalls: number;
  readonly crashes: number;
  readonly requests: number;
}

const CLIENTS = 3;
const STALL_AFTER_MS = 20_000;
const FAULTY_MS = 900_000;
const STEP_MS = 500;

type Weather = 'fine' | 'lossy' | 'partition' | 'auth' | 'portal' | 'busy';
const WEATHERS: readonly Weather[] = [
  'fine',
  'fine',
  'lossy',
  'lossy',
  'partition',
  'auth',
  'portal',
  'busy',
];

/** Runs one schedule: several clients, a server, and everything between them that can go wrong; then peace. */
export async function simulate({ seed, without }: Schedule): Promise<Verdict> {
  const random = seededRandom(seed);
  const clock = createFakeClock();
  const server = memoryReceiptStore({ clock });
  const receiver = createReceiver<MemoryTransaction>({
    store:
      without === 'receipts'
        ? {
            ...server,
            transact: (stream, work) =>
              server.transact(stream, (session) =>
                work({ ...session, find: async () => new Map(), acknowledge: async () => {} }),
              ),
          }
        : server,
    apply: async (op, { tx }) => applyWithLog(op, tx),
    clock,
  });
  const receive = (request: PushRequest): Promise<PushReply> =>
    receiver.receive(JSON.parse(JSON.stringify(request)));
  const clients = Array.from(
    { length: CLIENTS },
    (_, index) => new Client({ name: `c${index}`, random, clock, receive, without }),
  );
  for (const client of clients) await client.start();
  for (let timeMs = 0; timeMs < FAULTY_MS; timeMs += STEP_MS * 20) {
    for (const client of clients) await client.live();
    await clock.advance(STEP_MS * 20 * random());
  }
  for (const client of clients) await client.settleDown();
  await clock.advance(400_000);
  const verdicts = await Promise.all(clients.map((client) => client.judge(server.values)));
  for (const client of clients) await client.stop();
  const sum = (of: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  return {
    edits: sum(({ edits }) => edits),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    endedTwice: sum(({ endedTwice }) => endedTwice),
    diverged: sum(({ diverged }) => diverged),
    untold: sum(({ untold }) => untold),
    stalls: sum(({ stalls }) => stalls),
    crashes: sum(({ crashes }) => crashes),
    requests: sum(({ requests }) => requests),
  };
}

/** Calls append their token to a log, so that one that is applied twice shows; the rest is versioned. */
function applyWithLog(op: Op, tx: MemoryTransaction) {
  if (op.kind !== 'call') return applyVersioned(op, tx);
  const log = (tx.get('log') as string[] | undefined) ?? [];
  tx.set('log', [...log, op.args as string]);
  return { status: 'applied' } as const;
}

interface ClientOptions {
  readonly name: string;
  readonly random: Random;
  readonly clock: FakeClock;
  readonly receive: (request: PushRequest) => Promise<PushReply>;
  readonly without: Schedule['without'];
}

class Client {
  readonly #options: ClientOptions;
  readonly #base = memoryOutboxStore();
  readonly #tickets = new Map<string, string | undefined>();
  readonly #ends = new Map<string, string[]>();
  /** Of each document, the last value that this client has written into its own field. */
  readonly #wrote = new Map<string, number>();
  #life: { isOver: boolean; readonly timers: Set<Timer> } = { isOver: false, timers: new Set() };
  #outbox!: Outbox;
  #weather: Weather = 'fine';
  #skewMs = 0;
  #edits = 0;
  #crashes = 0;
  #requests = 0;
  #stalls = 0;
  #untold = 0;
  /** Tickets without an end, and since when; the oldest first. */
  readonly #waiting = new Map<string, number>();
  /** When the process was started, or a ticket has ended. */
  #movedAtMs = 0;
  #toldAtMs = -Infinity;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#base.open();
    await this.#boot();
  }

  /** A while of its life: the weather changes, people edit, the process may crash. */
  async live(): Promise<void> {
    const { random } = this.#options;
    if (random() < 0.1) this.#weather = WEATHERS[Math.floor(random() * WEATHERS.length)]!;
    if (random() < 0.03) this.#skewMs = (random() * 2 - 1) * 3_600_000;
    if (random() < 0.03) await this.#crash();
    for (let edit = Math.floor(random() * 3); edit > 0; edit -= 1) await this.#edit();
    this.#watchForStall();
  }

  async settleDown(): Promise<void> {
    this.#weather = 'fine';
    await this.#crash();
  }

  async stop(): Promise<void> {
    await this.#outbox.close();
  }

  async judge(server: ReadonlyMap<string, unknown>): Promise<Verdict> {
    const log = (server.get('log') as string[] | undefined) ?? [];
    const times = new Map<string, number>();
    for (const token of log) times.set(token, (times.get(token) ?? 0) + 1);
    let [lost, doubled, endedTwice, diverged] = [0, 0, 0, 0];
    for (const [id, token] of this.#tickets) {
      const ends = this.#ends.get(id) ?? [];
      if (ends.length === 0) lost += 1;
      if (ends.length > 1) endedTwice += 1;
      if (token === undefined) continue;
      const effects = times.get(token) ?? 0;
      if (effects > 1) doubled += 1;
      if (effects === 0) lost += 1;
    }
    for (const [id, value] of this.#wrote) {
      const theirs = (server.get(keyOf('note', id)) as ServerDoc | undefined)?.doc;
      const seen = await this.#outbox.overlay('note', id, theirs);
      if (JSON.stringify(seen) !== JSON.stringify(theirs)) diverged += 1;
      // Nobody else writes this field, so the last value of its writer is the one that all must see.
      if (theirs?.[this.#options.name] !== value) diverged += 1;
    }
    return {
      ...{ edits: this.#edits, lost, doubled, endedTwice, diverged },
      ...{
        untold: this.#untold,
        stalls: this.#stalls,
        crashes: this.#crashes,
        requests: this.#requests,
      },
    };
  }

  async #boot(): Promise<void> {
    const life = { isOver: false, timers: new Set<Timer>() };
    this.#life = life;
    const { name, random } = this.#options;
    this.#outbox = createOutbox({
      store: this.#storeOf(life),
      clientId: name,
      limits: { maxCount: 10_000, maxBytes: 10_000_000 },
      conflict: resolvers.merge({}, { otherwise: 'client' }),
      retry: { maxAttempts: 1000, maxRounds: 1000 },
      batch: { maxOps: 20, timeoutMs: 5000 },
      stallAfterMs: STALL_AFTER_MS,
      clock: this.#clockOf(life),
      random,
      push: (request) => this.#push(request),
    });
    this.#outbox.on('settled', ({ id, end }) => {
      if (life.isOver) return;
      this.#ends.set(id, [...(this.#ends.get(id) ?? []), end.status]);
      this.#waiting.delete(id);
      this.#movedAtMs = this.#options.clock.now();
    });
    this.#outbox.on('stalled', () => {
      this.#stalls += 1;
      this.#toldAtMs = this.#options.clock.now();
    });
    this.#movedAtMs = this.#options.clock.now();
    await this.#outbox.start();
  }

  /** The process is gone from one moment to the next: nothing of it goes on, its store is as it was. */
  async #crash(): Promise<void> {
    this.#crashes += 1;
    this.#life.isOver = true;
    for (const timer of this.#life.timers) timer.cancel();
    await this.#boot();
  }

  #storeOf(life: { readonly isOver: boolean }): OutboxStore {
    const never = new Promise<never>(() => undefined);
    const base = this.#base;
    const { without } = this.#options;
    const isOver = (): boolean => life.isOver;
    return {
      label: 'simulated',
      open: async () => {},
      close: async () => {},
      read: (work) => (isOver() ? never : base.read(work)),
      write: async (work) => {
        if (isOver()) return never;
        const result = await base.write((rows) => {
          const done = work(rows);
          // An outbox that takes what it has sent for delivered.
          if (without === 'memory-of-sent') for (const { seq } of rows.sent()) rows.remove(seq);
          return done;
        });
        return isOver() ? never : result;
      },
    };
  }

  #clockOf(life: { readonly isOver: boolean; readonly timers: Set<Timer> }): Clock {
    const { clock } = this.#options;
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow() + this.#skewMs,
      setTimer: (fn, delayMs) => {
        if (life.isOver) return { cancel: () => {} };
        const timer = clock.setTimer(() => {
          life.timers.delete(timer);
          fn();
        }, delayMs);
        life.timers.add(timer);
        return timer;
      },
    };
  }

  async #push(request: PushRequest): Promise<PushReply | RequestVerdict> {
    this.#requests += 1;
    const { random, receive } = this.#options;
    const weather = this.#weather;
    await this.#pass(random() * 200);
    switch (weather) {
      case 'partition':
        await this.#pass(random() * 10_000);
        throw new Error('unreachable');
      case 'auth':
        return { status: 'auth' };
      case 'portal':
        return '<html>sign in to our network</html>' as never;
      case 'busy':
        return random() < 0.5 ? { status: 'retry', afterMs: 2000 * random() } : { status: 'retry' };
      case 'fine':
      case 'lossy': {
        const isLossy = weather === 'lossy';
        if (isLossy && random() < 0.2) throw new Error('lost on the way there');
        // A copy that comes late, perhaps after all that was sent since.
        if (isLossy && random() < 0.3) void this.#later(random() * 60_000, () => receive(request));
        const reply = await receive(request);
        await this.#pass(random() * 200);
        if (isLossy && random() < 0.2) throw new Error('lost on the way back');
        return reply;
      }
    }
  }

  async #edit(): Promise<void> {
    const { name, random } = this.#options;
    this.#edits += 1;
    const id = String(Math.floor(random() * 4));
    const value = this.#edits;
    const kind = random();
    if (kind < 0.4) {
      const token = `${name}/${value}`;
      const call = {
        kind: 'call',
        entity: 'log',
        id: `${name}${id}`,
        name: 'append',
        args: token,
      } as const;
      const ticket = await this.#outbox.enqueue(call, { priority: Math.floor(random() * 8) });
      this.#note(ticket.id, token);
      return;
    }
    const patch = {
      kind: 'patch',
      entity: 'note',
      id,
      set: { [name]: value },
      base: BLANK,
    } as const;
    const priority = Math.floor(random() * 8);
    const isGroup = kind > 0.9;
    const second = { ...patch, id: String((Number(id) + 1) % 4) };
    const ticket = await this.#outbox.enqueue(isGroup ? [patch, second] : patch, { priority });
    this.#note(ticket.id, undefined);
    this.#wrote.set(id, value);
    if (isGroup) this.#wrote.set(second.id, value);
  }

  #note(id: string, token: string | undefined): void {
    this.#tickets.set(id, token);
    if (!this.#waiting.has(id)) this.#waiting.set(id, this.#options.clock.now());
  }

  /** Something is held and nothing has been settled for the time: it must have been told by now, or within a second. */
  #watchForStall(): void {
    const [oldestMs] = this.#waiting.values();
    if (oldestMs === undefined) return;
    const sinceMs = Math.max(oldestMs, this.#movedAtMs);
    const isDue = this.#options.clock.now() > sinceMs + STALL_AFTER_MS + 1000;
    if (isDue && this.#toldAtMs < sinceMs) this.#untold += 1;
  }

  #pass(ms: number): Promise<void> {
    return this.#later(ms, async () => undefined);
  }

  #later<T>(ms: number, then: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#options.clock.setTimer(() => void then().then(resolve, reject), ms);
    });
  }
}

/** Notes are there from the start, empty: a patch of version 0. */
const BLANK = { version: '0', doc: {} };
