import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Queryable } from '../src/ports.ts';
import { updateVersioned } from '../src/rows/update-versioned.ts';

export interface Row {
  readonly id: string;
  readonly name: string | null;
  readonly value: number;
  readonly version: string;
}

/** Of the file that has called `useItems`: each file of tests has this module for itself. */
export let database: TestDatabase;

/** Gives the tests of a file tables with and without versions; `items` has the rows 1 and 2 before each test. */
export function useItems(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(`
      create table items (
        id bigint primary key, name text, value int not null default 0, version bigint not null default 1
      );
      create view items_view as select * from items;
      create schema "Odd ""one""";
      create table "Odd ""one"""."the; table" ("Key" text primary key, "select" int, rev int not null);
      create table unversioned (id int primary key, value int);
      create table guarded (id int primary key, value int not null default 0, version int not null default 1);
      create function refuse() returns trigger language plpgsql as 'begin return null; end';
      create trigger refuse before update on guarded for each row
        when (new.value = 13) execute function refuse();
      create table policed (id int primary key, value int not null default 0, version int not null default 1);
      alter table policed enable row level security;
      create policy visible on policed for select using (id < 3);
      create policy writable on policed for update using (id < 2)`);
  });
  afterAll(() => database.close());

  beforeEach(async () => {
    await database.pool.query(`
      truncate items; insert into items (id, name) values (1, 'one'), (2, 'two');
      truncate "Odd ""one"""."the; table"; insert into "Odd ""one"""."the; table" values ('k', 1, 7);
      truncate unversioned; insert into unversioned values (1, 0);
      truncate guarded; insert into guarded values (1);
      truncate policed; insert into policed values (1), (2), (3)`);
  });
}

export const change = (
  expected: number | bigint | string,
  set: Partial<Row>,
  id: string | number = 1,
  db: Queryable = database.pool,
) => updateVersioned<Row>(db, { table: 'items', id, expected, set });

export const select = async (text: string): Promise<unknown[]> =>
  (await database.pool.query<object>(text)).rows;
