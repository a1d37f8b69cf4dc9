import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom, type Random } from '@holdfast/internal';
import {
  spawnNode,
  startFaultProxy,
  type FaultProxy,
  type NodeProcess,
  type Pool,
} from '@holdfast/testkit';
import { shardOf } from '../../src/index.ts';
import type { WorkerTask } from '../fixtures/zone-worker.ts';

/** A fifteenth of the defaults, as are settling and pauses: 1 to 60 s become 0.07 to 4 s. The workers' cycle is half of one. */
export const TTL_MS = 1000;
const SETTLE_MS = Math.floor(TTL_MS / 3);
export const WORK_CYCLE_MS = 500;
const SHORTEST_MS = 70;
const LONGEST_MS = 4000;
const SHARDS = 16;
const ZONES = 32;
const SHARD_OF_ZONE = Array.from({ length: ZONES }, (_, id) => shardOf(`zone-${id}`, SHARDS));
/** The set of the members has settled, and nobody gives back or takes any more. */
const STEADY_MS = SETTLE_MS * 2;

/** After the schema of the shards: it also notes who has taken them when. */
export const LEDGER = `
create table zone (run text, id int, writes bigint not null default 0, epoch bigint not null default 0, primary key (run, id));
create table ledger (run text, zone int, seq bigint, epoch bigint not null, owner text not null, shard int not null,
  shard_epoch bigint not null, at timestamptz not null, primary key (run, zone, seq));
create table taken (run text, shard int, at timestamptz not null, owner text not null);
create index on taken (run, shard, at);
create function note_taken() returns trigger language plpgsql as $$ begin
  insert into taken values (new.group_name, new.shard, clock_timestamp(), new.owner);
  return new;
end $$;
create trigger note_taken after update on holdfast_zones.shard for each row when (new.owner is not null)
  execute function note_taken();`;

export interface OwnershipRun {
  readonly pool: Pool;
  readonly url: string;
  /** The bundled worker. */
  readonly program: string;
  readonly group: string;
  readonly fence: WorkerTask['fence'];
  readonly members: number;
  readonly pauses: number;
  readonly seed: number;
  /** Default 0.07 s: with more than the length of a lease, each pause makes others take over. */
  readonly shortestMs?: number;
  /** Default 60: half of the time something runs. */
  readonly workMs?: number;
  /** Default: half of the lease. */
  readonly idleMs?: number;
  /** Ends sooner when it is so. */
  readonly until?: (result: OwnershipResult) => boolean;
}

export interface OwnershipResult {
  readonly pauses: number;
  readonly outlived: number;
  readonly kills: number;
  readonly cuts: number;
  readonly effects: number;
  /** Effects of an older epoch after one of a newer epoch on the same zone: of an owner that has lost it. */
  readonly stale: number;
  /** Those of them within one cycle of an effect of the newer owner: two owners did what is due once. */
  readonly doubled: number;
  /** Effects that landed when somebody else had taken the shard, before that one's first effect. */
  readonly late: number;
  /** Of a zone, from one effect to the next. */
  readonly longestGapMs: number;
  /** Of those, without a take of the zone's shard in between. */
  readonly longestPlainGapMs: number;
  /** From a take of its shard, by whomever, to the next effect of a zone, or to the next take of the shard. */
  readonly longestTurnMs: number;
  /** From a fault until each shard of that member was taken, by another or again by itself. */
  readonly longestTakeoverMs: number;
  readonly zonesWithout: number;
  /** For how long this process itself, with the proxies, stood still: a gap of a machine that is overloaded. */
  readonly longestStallMs: number;
}

interface Running {
  readonly member: string;
  readonly proxy: FaultProxy;
  worker: NodeProcess<unknown>;
}

/** One fault at a time, in one of the members; the next when every shard has had the same living owner for a while. */
export async function breakOwners(run: OwnershipRun): Promise<OwnershipResult> {
  const { pool, group, fence, members, pauses, seed, shortestMs = SHORTEST_MS } = run;
  await pool.query(
    'insert into zone (run, id) select $1, n from generate_series(0, $2::int - 1) n',
    [group, ZONES],
  );
  const random = seededRandom(seed);
  const counts = { pauses: 0, outlived: 0, kills: 0, cuts: 0, longestTakeoverMs: 0 };
  const stalls = monitorEventLoopDelay();
  const judged = async (from: Date): Promise<OwnershipResult> => ({
    ...counts,
    ...(await judge(run, from)),
    longestStallMs: Math.round(stalls.max / 1e6),
  });
  let spawned = 0;
  const spawn = (member: string, proxy: FaultProxy): Promise<NodeProcess<unknown>> => {
    spawned += 1;
    const task: WorkerTask = {
      ...{ group, member, fence, shards: SHARDS, zones: ZONES, seed: seed + spawned },
      ...{ url: proxy.urlFor(run.url), ttlMs: TTL_MS, settleMs: SETTLE_MS, cycleMs: WORK_CYCLE_MS },
      ...{ workMs: run.workMs ?? 60, idleMs: run.idleMs ?? TTL_MS / 2 },
    };
    return spawnNode(run.program, [JSON.stringify(task)]);
  };
  const all: Running[] = [];
  try {
    for (let index = 0; index < members; index += 1) {
      const proxy = await startFaultProxy(placeOf(run.url));
      const member = `member-${index}`;
      all.push({ member, proxy, worker: await spawn(member, proxy) });
    }
    for (const { worker } of all) await worker.next();
    await untilSteady(run);
    const from = await now(pool);
    stalls.enable();

    let result = await judged(from);
    while (counts.pauses < pauses && run.until?.(result) !== true) {
      const victim = all[Math.floor(random() * all.length)]!;
      const kind = random();
      const before = await ownedBy(run, victim.member);
      if (kind < 0.8) {
        const pauseMs = pauseOf(random, shortestMs);
        counts.pauses += 1;
        counts.outlived += Number(pauseMs > TTL_MS);
        victim.worker.freeze();
        await delay(pauseMs);
        victim.worker.thaw();
      } else if (kind < 0.9) {
        counts.kills += 1;
        await victim.worker.kill();
        victim.worker = await spawn(victim.member, victim.proxy);
        await victim.worker.next();
      } else {
        counts.cuts += 1;
        victim.proxy.cutAll();
      }
      await untilSteady(run);
      counts.longestTakeoverMs = Math.max(counts.longestTakeoverMs, await takenAfter(run, before));
      if (run.until !== undefined) result = await judged(from);
    }
    return await judged(from);
  } finally {
    stalls.disable();
    for (const { worker, proxy } of all) {
      await worker.kill();
      await proxy.close();
    }
  }
}

/** As many short ones as long ones, by their order of magnitude. */
function pauseOf(random: Random, shortestMs: number): number {
  return shortestMs * (LONGEST_MS / shortestMs) ** random();
}

function placeOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function now(pool: Pool): Promise<Date> {
  return (await pool.query<{ now: Date }>('select now()')).rows[0]!.now;
}

interface Owned {
  readonly shards: readonly number[];
  readonly at: Date;
}

async function ownedBy({ pool, group }: OwnershipRun, member: string): Promise<Owned> {
  const { rows } = await pool.query<Owned>(
    `select clock_timestamp() as at, coalesce(array_agg(shard), '{}') as shards
    from holdfast_zones.shard where group_name = $1 and owner = $2`,
    [group, member],
  );
  return rows[0]!;
}

/** When the last of the shards was taken for the first time since, milliseconds. */
async function takenAfter({ pool, group }: OwnershipRun, { shards, at }: Owned): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(
    `select coalesce(round(extract(epoch from max(first) - $3::timestamptz) * 1000), 0)::int as ms from (
      select min(at) as first from taken where run = $1 and shard = any ($2) and at > $3 group by shard) firsts`,
    [group, shards, at],
  );
  return rows[0]!.ms;
}

/** Waits until each member has shards, all are owned, nothing has moved for a while, and each zone had its turn since. */
async function untilSteady({ pool, group, members }: OwnershipRun): Promise<void> {
  let seen = '';
  let since = performance.now();
  for (;;) {
    const { rows } = await pool.query<{
      owners: number;
      unowned: number;
      epochs: string;
      waiting: number;
    }>(
      `select count(distinct s.owner)::int as owners, count(*) filter (where m.member is null)::int as unowned,
        string_agg(s.epoch::text, ',' order by s.shard) as epochs,
        (select count(*)::int from unnest($2::int[]) with ordinality as of_zone (shard, place)
          join zone on zone.run = $1 and zone.id = of_zone.place - 1
          join holdfast_zones.shard its on its.group_name = $1 and its.shard = of_zone.shard
          where zone.epoch <> its.epoch) as waiting
      from holdfast_zones.shard s left join holdfast_zones.member m
        on m.group_name = s.group_name and m.member = s.owner and m.beat_until > now()
      where s.group_name = $1`,
      [group, SHARD_OF_ZONE],
    );
    const { owners, unowned, epochs, waiting } = rows[0]!;
    if (owners !== members || unowned > 0 || epochs !== seen) since = performance.now();
    seen = epochs;
    if (waiting === 0 && performance.now() - since >= STEADY_MS) return;
    await delay(40);
  }
}

type Judged = Pick<
  OwnershipResult,
  | 'effects'
  | 'stale'
  | 'doubled'
  | 'late'
  | 'longestGapMs'
  | 'longestPlainGapMs'
  | 'longestTurnMs'
  | 'zonesWithout'
>;

async function judge({ pool, group }: OwnershipRun, from: Date): Promise<Judged> {
  const { rows } = await pool.query<Judged>(
    `with lines as (
      select *, max(epoch) over earlier as newest, lag(at) over (partition by zone order by seq) as before
      from ledger where run = $1
      window earlier as (partition by zone order by seq rows between unbounded preceding and 1 preceding)
    ), stale as (
      select *, exists (
        select from ledger other where other.run = $1 and other.zone = lines.zone and other.epoch > lines.epoch
          and abs(extract(epoch from other.at - lines.at)) * 1000 < $4) as is_doubled
      from lines where epoch < newest
    ), taken_of_zone as (
      select of_zone.place - 1 as zone, taken.at, lead(taken.at) over (partition by of_zone.place order by taken.at) as next
      from taken join unnest($5::int[]) with ordinality as of_zone (shard, place) on taken.shard = of_zone.shard
      where taken.run = $1
    ), turn as (
      select least(taken.next, (select min(at) from ledger where run = $1 and ledger.zone = taken.zone and at > taken.at)) - taken.at as time
      from taken_of_zone taken where taken.at > $2
    ), plain as (
      select at - before as time from lines where at > $2 and not exists (
        select from taken_of_zone taken where taken.zone = lines.zone and taken.at between lines.before and lines.at)
    )
    select count(*)::int as effects,
      (select coalesce(round(extract(epoch from max(time)) * 1000), 0)::int from turn) as "longestTurnMs",
      (select coalesce(round(extract(epoch from max(time)) * 1000), 0)::int from plain) as "longestPlainGapMs",
      (select count(*) from stale)::int as stale,
      (select count(*) from stale where is_doubled)::int as doubled,
      count(*) filter (where epoch < shard_epoch and epoch >= newest)::int as late,
      coalesce(round(extract(epoch from max(at - before) filter (where at > $2)) * 1000), 0)::int as "longestGapMs",
      $3::int - count(distinct zone)::int as "zonesWithout"
    from lines`,
    [group, from, ZONES, WORK_CYCLE_MS, SHARD_OF_ZONE],
  );
  return rows[0]!;
}
