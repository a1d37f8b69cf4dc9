import { describe, expect, it } from 'vitest';
import { createGate } from '@holdfast/testkit';

describe('createGate', () => {
  it('holds everybody until it opens, and lets later ones through', async () => {
    const gate = createGate();
    const passed: number[] = [];
    const runs = [1, 2].map((run) => gate.pass().then(() => passed.push(run)));
    await gate.arrived(2);
    expect([gate.waiting(), passed]).toEqual([2, []]);
    gate.open();
    await Promise.all(runs);
    await gate.pass();
    expect([gate.waiting(), passed]).toEqual([0, [1, 2]]);
  });

  it('holds again once it is closed', async () => {
    const gate = createGate();
    gate.open();
    await gate.pass();
    gate.close();
    void gate.pass();
    await gate.arrived(2);
    expect(gate.waiting()).toBe(1);
  });
});
