import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { postgresShards, type PostgresShardsOptions } from '../../src/postgres.ts';
import type { ShardHost, Shards } from '../../src/shards.ts';

/** Of the file that has called `useDatabase`: each file of tests has this module for itself. */
export let database: TestDatabase;
/** Another one for each test. */
export let group: string;

const TTL_MS = 900;
const SHARDS = 64;

let opened: Member[] = [];
let groups = 0;

export function useDatabase(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    const closing = opened;
    opened = [];
    nextGroup();
    await Promise.all(closing.map(({ shards }) => shards.close()));
  });
  afterAll(() => database.close());
  nextGroup();
}

function nextGroup(): void {
  groups += 1;
  group = `greenhouses-${groups}`;
}

export interface Member {
  readonly shards: Shards;
  readonly drained: number[];
  /** Codes and shards of what was abandoned. */
  readonly abandoned: { readonly code: unknown; readonly shards: readonly number[] }[];
  readonly errors: unknown[];
  /** Resolves when the member has what is asked for: it is asked again after each change. */
  until(isSo: () => boolean): Promise<void>;
  owned(): number[];
}

export type MemberOptions = Partial<PostgresShardsOptions> & {
  readonly url?: string;
  readonly drain?: ShardHost['drain'];
};

/** A member with short times; it is closed after the test. */
export async function join(memberId?: string, options: MemberOptions = {}): Promise<Member> {
  const member = createMember(memberId, options);
  await member.start();
  return member;
}

export function createMember(
  memberId?: string,
  { url = database.url, drain, ...options }: MemberOptions = {},
): Member & { start(): Promise<void> } {
  const shards = postgresShards({
    createClient: () => new pg.Client({ connectionString: url }),
    group,
    memberId,
    shards: SHARDS,
    lease: { ttlMs: TTL_MS, settleMs: 100 },
    rejoinGraceMs: 0,
    ...options,
  });
  const drained: number[] = [];
  const abandoned: Member['abandoned'] = [];
  const errors: unknown[] = [];
  shards.on('error', ({ error }) => errors.push(error));
  const host: ShardHost = {
    async drain(some) {
      await drain?.(some);
      drained.push(...some);
    },
    abandon: (some, reason) =>
      void abandoned.push({ code: (reason as { readonly code?: unknown }).code, shards: some }),
  };
  const owned = (): number[] => {
    const all = new Set<number>();
    for (let zone = 0; zone < 2000; zone += 1) {
      const ownership = shards.ownershipOf(`zone-${zone}`);
      if (ownership !== undefined) all.add(ownership.shard);
    }
    return [...all].sort((a, b) => a - b);
  };
  const member: Member & { start(): Promise<void> } = {
    ...{ shards, drained, abandoned, errors, owned },
    start: () => shards.start(host),
    until: (isSo: () => boolean) => until([member], isSo),
  };
  opened.push(member);
  return member;
}

/** Resolves when it is so: it is asked again after each change of one of the members. */
export function until(members: readonly Member[], isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const offs = members.map(({ shards }) => shards.on('change', look));
    function look(): void {
      if (!isSo()) return;
      for (const off of offs) off();
      resolve();
    }
    look();
  });
}

/** Resolves when each shard has an owner among the members, and each member has some. */
export const shared = (...members: readonly Member[]): Promise<void> =>
  until(
    members,
    () =>
      together(...members).length === ALL.length &&
      members.every((member) => member.owned().length > 0),
  );

/** What the members have together, each shard once for each that has it. */
export const together = (...members: readonly Member[]): number[] =>
  members.flatMap((member) => member.owned()).sort((a, b) => a - b);

export const ALL: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard);

export async function epochs(): Promise<Map<number, bigint>> {
  const { rows } = await database.pool.query<{ shard: number; epoch: string }>(
    'select shard, epoch::text from holdfast_zones.shard where group_name = $1',
    [group],
  );
  return new Map(rows.map(({ shard, epoch }) => [shard, BigInt(epoch)]));
}
