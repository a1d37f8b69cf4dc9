import { describe, expect, it } from 'vitest';
import { chooseServer, type ServerWay } from '../src/choose-server.ts';

describe('chooseServer', () => {
  const found = (name: string, opened: string[]): ServerWay => ({
    name,
    async open() {
      opened.push(name);
      return { url: `redis://${name}`, how: name, close: async () => {} };
    },
  });
  const absent = (name: string, opened: string[]): ServerWay => ({
    name,
    async open() {
      opened.push(name);
      return `${name} is not there`;
    },
  });

  it('takes the first way that leads to a server and does not touch those after it', async () => {
    const opened: string[] = [];
    const skipped: string[] = [];
    const server = await chooseServer(
      'redis',
      [absent('url', opened), found('container', opened), found('program', opened)],
      (way, reason) => skipped.push(`${way.name}: ${reason}`),
    );
    expect(server.how).toBe('container');
    expect(opened).toEqual(['url', 'container']);
    expect(skipped).toEqual(['url: url is not there']);
  });

  it('names every way with its reason when none leads to a server', async () => {
    const ways = [absent('url', []), absent('program', [])];
    await expect(chooseServer('mqtt', ways, () => {})).rejects.toThrow(
      'no mqtt server for the tests. Tried:\n  - url: url is not there\n  - program: program is not there',
    );
  });

  it('stops at a way that fails, because another one would hide a mistake', async () => {
    const opened: string[] = [];
    const broken: ServerWay = { name: 'url', open: () => Promise.reject(new Error('wrong URL')) };
    await expect(
      chooseServer('redis', [broken, found('program', opened)], () => {}),
    ).rejects.toThrow('wrong URL');
    expect(opened).toEqual([]);
  });
});
