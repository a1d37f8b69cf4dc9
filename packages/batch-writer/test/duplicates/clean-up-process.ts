// A program that cleans up: `url` and the options as JSON. It prints a line for each chunk, and one at the end.
import { isHoldfastError } from '@holdfast/internal';
import { Pool } from 'pg';
import type {
  RemoveDuplicatesOptions,
  RemoveDuplicatesReport,
} from '../../src/duplicates/duplicates.ts';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';

export type CleanUpLine =
  | { readonly deleted: number; readonly position: number }
  | { readonly report: object; readonly rssGrowthMb: number; readonly seconds: number }
  | { readonly failed: string };

const [url, json] = process.argv.slice(2) as [string, string];
const options = JSON.parse(json) as Omit<RemoveDuplicatesOptions, 'pool'>;
const pool = new Pool({ connectionString: url });

const print = (line: CleanUpLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
// What a connection costs belongs to the beginning.
await pool.query('SELECT 1');
const rss = (): number => process.memoryUsage().rss / 2 ** 20;
const startMb = rss();
const startMs = performance.now();
let highestMb = startMb;
const sampler = setInterval(() => (highestMb = Math.max(highestMb, rss())), 10);

let report: RemoveDuplicatesReport;
try {
  report = await removeDuplicates({
    ...options,
    pool,
    onProgress({ phase, deleted, done }) {
      if (phase === 'delete') print({ deleted, position: done });
    },
  });
} catch (error) {
  if (!isHoldfastError(error)) throw error;
  print({ failed: error.code });
  process.exit(1);
}
clearInterval(sampler);
await pool.end();
print({
  report,
  rssGrowthMb: Math.max(highestMb, rss()) - startMb,
  seconds: (performance.now() - startMs) / 1000,
});
