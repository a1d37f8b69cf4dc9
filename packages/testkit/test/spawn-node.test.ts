import { describe, expect, it } from 'vitest';
import { bundleProgram, spawnNode } from '@holdfast/testkit';

const ECHO = new URL('fixtures/echo.ts', import.meta.url);

describe('spawnNode', () => {
  it('runs a TypeScript file and speaks with it in JSON lines', async () => {
    await using child = await spawnNode(ECHO, ['a', 'b'], { env: { EXTRA: 'x' } });
    expect(await child.next()).toEqual({ args: ['a', 'b'], extra: 'x' });
    child.send({ n: 1 });
    expect(await child.next()).toEqual({ n: 1 });
  });

  it('runs a program that was bundled before', async () => {
    await using program = await bundleProgram(ECHO);
    await using child = await spawnNode(program.path, ['a'], { env: { EXTRA: 'y' } });
    expect(await child.next()).toEqual({ args: ['a'], extra: 'y' });
  });

  it('shows what the program wrote to standard error when it ends instead of answering', async () => {
    await using child = await spawnNode(ECHO);
    await child.next();
    child.send('fail');
    await expect(child.next()).rejects.toThrow(/ended \(code 3, signal null\)\ntold to fail/);
  });

  it('reads what is left when the program has been killed', async () => {
    await using child = await spawnNode(ECHO);
    await child.next();
    await child.kill();
    expect(await child.rest()).toEqual([]);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('freezes and thaws', async () => {
    await using child = await spawnNode(ECHO);
    await child.next();
    child.freeze();
    child.send(1);
    let isAnswered = false;
    const answer = child.next().then(() => (isAnswered = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isAnswered).toBe(false);
    child.thaw();
    await answer;
  });
});
