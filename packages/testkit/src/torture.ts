import { appendFileSync, mkdirSync } from 'node:fs';

/** True: run at the full size that an issue names (`npm run torture`). */
export const isTorture: boolean = process.env['HOLDFAST_TORTURE'] === '1';

/** What a torture test has seen. */
export interface TortureLine {
  readonly name: string;
  readonly size: number;
  readonly seed: number;
  readonly result: object;
  readonly seconds: number;
}

/** Prints what was seen; of a full run it keeps the line that safety claims cite, in `bench/results/torture.jsonl`. */
export function recordTorture(line: TortureLine): void {
  process.stdout.write(`${line.name}, ${line.seconds} s: ${JSON.stringify(line.result)}\n`);
  if (!isTorture) return;
  const folder = new URL('../../../bench/results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  appendFileSync(new URL('torture.jsonl', folder), `${JSON.stringify(line)}\n`);
}
