import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import { batchInsert } from './claims/batch-insert.ts';

const CLAIMS = { 'batch-insert': batchInsert };
const ROUNDS = 7;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false } },
});
const unknown = positionals.find((name) => !(name in CLAIMS));
if (unknown !== undefined) {
  const known = Object.keys(CLAIMS).join(', ');
  process.stderr.write(`bench: there is no claim ${unknown}; there are ${known}\n`);
  process.exit(2);
}

const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
const [cpu] = cpus();
print({
  machine: {
    cpu: cpu?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
});
for (const [name, createClaim] of Object.entries(CLAIMS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const claim = await createClaim({ smoke: values.smoke });
  try {
    print({ name, ...(await compare(claim, values.smoke ? 1 : ROUNDS)) });
  } finally {
    await claim.close();
  }
}
