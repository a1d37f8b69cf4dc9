import { isHoldfastError, updateVersioned, withOptimisticRetry } from '@holdfast/locks';
import { startPostgresServer } from '@holdfast/testkit';
import { Pool } from 'pg';

const WRITERS = 16;

interface Row {
  readonly value: number;
  readonly version: string;
}

/** Writers who all change one row, each as it has read it: how often they try, and how often they give up. */
export async function measureHotRow(
  { smoke }: { readonly smoke: boolean },
  print: (line: object) => void,
): Promise<void> {
  await using server = await startPostgresServer();
  const pool = new Pool({ connectionString: server.url, max: WRITERS });
  await pool.query(
    'create table hot (id int primary key, value int not null, version bigint not null)',
  );
  await pool.query('insert into hot values (1, 0, 1)');
  const endMs = performance.now() + (smoke ? 200 : 10_000);
  const counts = { tries: 0, done: 0, givenUp: 0 };
  const addOne = async (): Promise<void> => {
    counts.tries += 1;
    const { rows } = await pool.query<Row>('select value, version from hot where id = 1');
    const [read] = rows;
    if (read === undefined) throw new Error('no row');
    const set = { value: read.value + 1 };
    await updateVersioned(pool, { table: 'hot', id: 1, expected: read.version, set });
  };
  const write = async (): Promise<void> => {
    while (performance.now() < endMs) {
      try {
        await withOptimisticRetry(addOne);
        counts.done += 1;
      } catch (error) {
        if (!isHoldfastError(error, 'RETRIES_EXHAUSTED')) throw error;
        counts.givenUp += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  const { rows } = await pool.query<{ value: number }>('select value from hot');
  await pool.end();
  const lost = counts.done - (rows[0]?.value ?? NaN);
  const attempts = Number((counts.tries / counts.done).toPrecision(3));
  const giveUpPercent = Number(
    ((100 * counts.givenUp) / (counts.done + counts.givenUp)).toPrecision(3),
  );
  print({
    name: 'hot-row',
    claim: `${WRITERS} writers of one row, 10 tries: at most 2.5 attempts a success, 0.5 % give up, none is lost`,
    ours: { ...counts, attempts, giveUpPercent, lost },
    ok: attempts <= 2.5 && giveUpPercent <= 0.5 && lost === 0,
  });
}
