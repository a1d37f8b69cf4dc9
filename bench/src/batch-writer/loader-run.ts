/** Hits of keys that are cached: ours by `peek`, which gives the value, DataLoader by `load`, which gives a promise of it. */
import { createBatchLoader } from '@holdfast/batch-writer';
import DataLoader from 'dataloader';
import { compare } from '../compare.ts';

const [smoke] = process.argv.slice(2);
const keys = Array.from({ length: 1_000 }, (_, index) => `device-${index}`);
const operations = smoke === undefined ? 1_000_000 : 10_000;

const ours = createBatchLoader<string, number>({
  load: (asked) => Promise.resolve(asked.map((key) => key.length)),
});
const peer = new DataLoader<string, number>((asked) =>
  Promise.resolve(asked.map((key) => key.length)),
);
await ours.getMany(keys);
await peer.loadMany(keys);

const claims = [
  {
    claim: 'peek of a cached key, against load of DataLoader 2',
    target: 5,
    async ours(): Promise<void> {
      let sum = 0;
      for (let n = 0; n < operations; n += 1) sum += ours.peek(keys[n % 1_000] ?? '') ?? 0;
      await expectSum(sum);
    },
    async peer(): Promise<void> {
      // The value is behind a promise: what it takes to wait for a thousand at a time is part of a hit.
      let sum = 0;
      for (let n = 0; n < operations; n += 1_000) {
        for (const value of await Promise.all(keys.map((key) => peer.load(key)))) sum += value;
      }
      await expectSum(sum);
    },
  },
];
for (const claim of claims) {
  const race = { ...claim, operations, close: () => Promise.resolve() };
  const line = await compare(race, smoke === undefined ? 11 : 1);
  process.stdout.write(`${JSON.stringify({ name: 'batch-loader', ...line })}\n`);
}
await ours.close();

function expectSum(sum: number): Promise<void> {
  const expected = keys.reduce((all, key) => all + key.length, 0) * (operations / 1_000);
  if (sum !== expected) throw new Error(`a side has given ${sum} in all, not ${expected}`);
  return Promise.resolve();
}
