/** Runs the claims about policies and prints one JSON line for each. Bundled first: see `runBundled`. */
import { measureMemory } from './memory.ts';
import { overheadClaims } from './overhead-claims.ts';
import { measureOverhead } from './overhead.ts';

const isSmoke = process.argv.includes('--smoke');
const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

for (const claim of await overheadClaims(isSmoke ? 200 : 100_000)) {
  print(await measureOverhead(claim, isSmoke ? 1 : 15));
}
print(await measureMemory(isSmoke ? 1 : 7, isSmoke ? 500 : 20_000));
