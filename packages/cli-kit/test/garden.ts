import { OperatorError, runProgram } from '../src/index.ts';

await runProgram('garden', async ({ args, print, stopSignal }) => {
  const [what] = args;
  if (what === 'half') throw new OperatorError('half done', { exitCode: 1 });
  if (what === 'bug') throw new RangeError('a bug');
  if (what === 'flood') {
    // More than a pipe holds, so that its reader is gone before the end.
    print(`${'x'.repeat(1_000_000)}\n`);
    return 0;
  }
  if (what !== 'wait') return 3;
  const stop = stopSignal();
  // Keeps the program alive, whatever it is told.
  process.stdin.resume();
  await new Promise<void>((resolve) => {
    stop.addEventListener('abort', () => print('stopping\n'));
    process.stdin.once('end', resolve);
    print('ready\n');
  });
  return 130;
});
