import type { Pool } from 'pg';

export interface NodeHello {
  readonly uid: string;
  readonly zone: string;
}

export interface Registration {
  readonly uid: string;
  readonly id: string;
  /** True for exactly one of any number of concurrent hellos of a new node. */
  readonly created: boolean;
}

/** Zones first: the nodes refer to them. Existing zones keep their row, so this takes no lock on them. */
const INSERT_ZONES = `
  insert into zones (uid)
  select distinct uid from unnest($1::text[]) as hello (uid)
  where not exists (select from zones where zones.uid = hello.uid)
  order by uid
  on conflict (uid) do nothing`;

/**
 * One statement for new and known nodes: there is no moment between looking and inserting in which another
 * instance could register the same node. Sorted by uid, so that two batches take row locks in one order and cannot
 * deadlock. `xmax = 0` is true only for a row version that this statement inserted.
 */
const UPSERT_NODES = `
  insert into nodes (uid, zone_id)
  select hello.uid, zones.id
  from unnest($1::text[], $2::text[]) as hello (uid, zone)
  join zones on zones.uid = hello.zone
  order by hello.uid
  on conflict (uid) do update
    set zone_id = excluded.zone_id, last_hello_at = now(), hellos = nodes.hellos + 1
  returning id, uid, xmax = 0 as created`;

const SELECT_IDS = `select uid, id from nodes where uid = any($1::text[])`;

/** Registers nodes and answers which id a uid has. Node ids never change, so known ones are kept in memory. */
export class NodeRegistry {
  readonly #pool: Pool;
  readonly #maxCached: number;
  readonly #ids = new Map<string, string>();

  constructor(pool: Pool, options: { readonly maxCached?: number } = {}) {
    this.#pool = pool;
    this.#maxCached = options.maxCached ?? 100_000;
  }

  /** Registers each node of `hellos`; of several hellos of one node the last counts. */
  async register(hellos: readonly NodeHello[]): Promise<readonly Registration[]> {
    if (hellos.length === 0) return [];
    const newest = [...new Map(hellos.map((hello) => [hello.uid, hello])).values()];
    const zones = newest.map((hello) => hello.zone);
    await this.#pool.query(INSERT_ZONES, [zones]);
    const { rows } = await this.#pool.query<Registration>(UPSERT_NODES, [
      newest.map((hello) => hello.uid),
      zones,
    ]);
    for (const row of rows) this.#remember(row.uid, row.id);
    return rows;
  }

  /** The ids of the registered ones among `uids`. */
  async resolve(uids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const unknown = new Set<string>();
    for (const uid of uids) {
      const id = this.#ids.get(uid);
      if (id === undefined) unknown.add(uid);
      else found.set(uid, id);
    }
    if (unknown.size > 0) {
      const { rows } = await this.#pool.query<{ uid: string; id: string }>(SELECT_IDS, [
        [...unknown],
      ]);
      for (const { uid, id } of rows) {
        this.#remember(uid, id);
        found.set(uid, id);
      }
    }
    return found;
  }

  #remember(uid: string, id: string): void {
    // Oldest first out: a Map iterates in the order of insertion.
    if (this.#ids.size >= this.#maxCached) {
      const oldest = this.#ids.keys().next();
      if (oldest.done !== true) this.#ids.delete(oldest.value);
    }
    this.#ids.set(uid, id);
  }
}
