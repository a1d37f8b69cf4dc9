import type { Member } from '../shards/rendezvous.ts';
import type { LeaseConnection } from './lease-connection.ts';
import type { ResolvedShardsOptions } from './shard-options.ts';
import { callsIn, type Calls } from './statements.ts';

export type JoinOutcome =
  | { readonly outcome: 'joined' }
  /** Another process of the same name has a lease that has not ended; `total` is how many shards it has. */
  | { readonly outcome: 'waiting'; readonly total: number }
  /** The members that are there have another number of shards. */
  | { readonly outcome: 'mismatch'; readonly total: number };

/** The group at one moment. */
export interface GroupView {
  readonly members: readonly Member[];
  /** Shards whose owner has no lease, or that have none. */
  readonly unowned: number;
  /** The shards that the server says are ours, with their epochs. */
  readonly mine: ReadonlyMap<number, bigint>;
}

/** Who asks: `instance` is another one after each join, so that what an earlier one asks for is refused. */
export interface Identity {
  readonly instance: string;
  /** The instance that this process was before: its lease need not be waited for. */
  readonly previous: string | undefined;
}

type StoreOptions = Pick<
  ResolvedShardsOptions,
  'schema' | 'group' | 'memberId' | 'weight' | 'shards' | 'ttlMs' | 'rejoinGraceMs'
>;

/** The statements about one member of one group. */
export class ShardStore {
  readonly #connection: LeaseConnection;
  readonly #options: StoreOptions;
  readonly #calls: Calls;

  constructor(connection: LeaseConnection, options: StoreOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#calls = callsIn(options.schema);
  }

  async join({ instance, previous }: Identity, timeoutMs: number): Promise<JoinOutcome> {
    const { group, memberId, weight, shards, ttlMs } = this.#options;
    const values = [group, memberId, instance, previous ?? null, weight, shards, ttlMs];
    const [row] = await this.#connection.request<JoinOutcome>(timeoutMs, this.#calls.join, values);
    return row ?? { outcome: 'waiting', total: shards };
  }

  /** False: the lease has ended. */
  async renew({ instance }: Identity, timeoutMs: number): Promise<boolean> {
    const { group, memberId, ttlMs } = this.#options;
    const values = [group, memberId, instance, ttlMs];
    return (await this.#connection.request(timeoutMs, this.#calls.renew, values)).length > 0;
  }

  async look(timeoutMs: number): Promise<GroupView> {
    const { group, memberId } = this.#options;
    const [row] = await this.#connection.request<Record<'members' | 'unowned' | 'mine', string>>(
      timeoutMs,
      this.#calls.look,
      [group, memberId],
    );
    const { members = '[]', unowned = '0', mine = '[]' } = row ?? {};
    const pairs = JSON.parse(mine) as readonly (readonly [number, string])[];
    return {
      members: JSON.parse(members) as readonly Member[],
      unowned: Number(unowned),
      mine: new Map(pairs.map(([shard, epoch]) => [shard, BigInt(epoch)])),
    };
  }

  /** What was taken of them, with the new epochs. */
  async take(
    { instance }: Identity,
    wanted: readonly number[],
    timeoutMs: number,
  ): Promise<ReadonlyMap<number, bigint>> {
    const { group, memberId } = this.#options;
    const rows = await this.#connection.request<{ readonly taken: number; readonly epoch: string }>(
      timeoutMs,
      this.#calls.take,
      [group, memberId, instance, wanted],
    );
    return new Map(rows.map(({ taken, epoch }) => [taken, BigInt(epoch)]));
  }

  /** The shards that were given back. */
  async free(shards: ReadonlyMap<number, bigint>, timeoutMs: number): Promise<readonly number[]> {
    const { group, memberId } = this.#options;
    const epochs = [...shards.values()].map(String);
    const values = [group, memberId, [...shards.keys()], epochs];
    const rows = await this.#connection.request<{ readonly shard: number }>(
      timeoutMs,
      this.#calls.free,
      values,
    );
    return rows.map(({ shard }) => shard);
  }

  async leave({ instance }: Identity, timeoutMs: number): Promise<void> {
    const { group, memberId, rejoinGraceMs } = this.#options;
    const values = [group, memberId, instance];
    if (rejoinGraceMs === 0) {
      await this.#connection.request(timeoutMs, this.#calls.leave, values);
      return;
    }
    await this.#connection.request(timeoutMs, this.#calls.leaveForAWhile, [
      ...values,
      rejoinGraceMs,
    ]);
  }
}
