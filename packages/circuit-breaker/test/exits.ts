/** Calls the named policy, and prints how many timers would keep the process alive after its last call. */
import { withDeadline } from '../src/index.ts';
import { everyPolicy } from './every-policy.ts';

const policy = everyPolicy[process.argv[2] ?? '']?.();
if (policy === undefined) throw new Error('which policy?');
const options = { key: 'a', idempotent: true };
for (let n = 0; n < 3; n += 1) {
  await policy.execute(() => n, options);
  await policy.execute(() => n, { ...options, deadline: performance.now() + 60_000 });
  await withDeadline(60_000, () => policy.execute(() => n, options));
}
const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
process.stdout.write(`${timers}\n`);
