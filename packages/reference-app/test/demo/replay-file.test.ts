import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadInputError } from '../../src/demo/bad-input-error.ts';
import type { DeviceMessage } from '../../src/demo/device-message.ts';
import { openReplay, type BadLine, type ReplayOptions } from '../../src/demo/replay-file.ts';

const FIELDS = { ts: 'ts', node: 'node', values: 'values' };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-replay-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function replay(
  lines: readonly string[],
  options: Partial<ReplayOptions> = {},
): Promise<{ messages: DeviceMessage[]; bad: BadLine[] }> {
  const file = join(folder, 'recording.ndjson');
  await writeFile(file, lines.join('\n'));
  const bad: BadLine[] = [];
  const source = await openReplay({ file, fields: FIELDS, speed: 'max', ...options }, (line) =>
    bad.push(line),
  );
  const messages: DeviceMessage[] = [];
  for await (const message of source.messages) messages.push(message);
  expect(source.progress()).toBe(1);
  return { messages, bad };
}

describe('openReplay', () => {
  it("says hello before each node's first message and counts its messages", async () => {
    const { messages, bad } = await replay([
      '{"ts":"2020-01-01T00:00:00Z","node":"a","values":{"x":1}}',
      '{"ts":"2020-01-01T00:00:01Z","node":"b","values":{"x":true}}',
      '',
      '{"ts":"2020-01-01T00:00:02Z","node":"a","values":{"x":null}}',
    ]);

    expect(bad).toEqual([]);
    expect(messages).toMatchObject([
      { kind: 'hello', uid: 'a' },
      { kind: 'telemetry', uid: 'a', seq: 0, values: { x: 1 } },
      { kind: 'hello', uid: 'b' },
      { kind: 'telemetry', uid: 'b', seq: 0, values: { x: true } },
      { kind: 'telemetry', uid: 'a', seq: 1, values: { x: null }, atMs: 0 },
    ]);
  });

  it('tells each bad line with its number and reads on', async () => {
    const good = '{"ts":1594598735.77,"node":"a","values":{}}';
    const { messages, bad } = await replay([
      good,
      '{"ts":1,',
      '{"ts":1594598735,"values":{}}',
      '{"ts":1594598735,"node":null,"values":{}}',
      '{"ts":1594598735,"node":true,"values":{}}',
      '{"ts":"soon","node":"a","values":{}}',
      '{"ts":1594598735,"node":"a","values":[1]}',
      '{"ts":1594598735,"node":"a","values":{"":1}}',
      '{"ts":1594598735,"node":"\\ud800","values":{}}',
      `{"ts":1594598735,"node":"a","values":{"x":"${'é'.repeat(100_000)}"}}`,
      '5',
      good,
    ]);

    expect(messages.filter(({ kind }) => kind === 'telemetry')).toHaveLength(2);
    expect(bad).toEqual([
      { line: 2, reason: 'not JSON' },
      { line: 3, reason: 'no node in field "node"; the line has ts, values' },
      { line: 4, reason: 'no node in field "node"; the line has ts, node, values' },
      { line: 5, reason: 'field "node" is not the name of a node: true' },
      { line: 6, reason: 'field "ts" is not a time: "soon"' },
      { line: 7, reason: 'no object of values in field "values"; the line has ts, node, values' },
      { line: 8, reason: '"" is not the name of a metric' },
      { line: 9, reason: 'field "node" is not the name of a node: "\\ud800"' },
      { line: 10, reason: 'more than 200000 bytes of values' },
      { line: 11, reason: 'no node in field "node"; the line is no object' },
    ]);
  });

  it('takes a number for the name of a node', async () => {
    const { messages } = await replay(['{"ts":1594598735,"node":7,"values":{"x":1}}']);

    expect(messages[1]).toMatchObject({ uid: '7' });
  });

  it('takes field names that are paths', async () => {
    const { messages } = await replay(
      ['{"meta":{"at":1594598735,"id":"n"},"data":{"r":{"x":2}}}'],
      {
        fields: { ts: 'meta.at', node: 'meta.id', values: 'data.r' },
      },
    );

    expect(messages[1]).toMatchObject({ uid: 'n', ts: 1_594_598_735_000_000, values: { x: 2 } });
  });

  it('keeps the recorded pace, divided by the speed', async () => {
    const { messages } = await replay(
      [
        '{"ts":"2020-01-01T00:00:00Z","node":"a","values":{}}',
        '{"ts":"2020-01-01T00:01:00Z","node":"a","values":{}}',
      ],
      { speed: 60 },
    );

    expect(messages.at(-1)?.atMs).toBe(1_000);
  });

  it('says in one sentence that the file cannot be read', async () => {
    const open = (file: string): Promise<unknown> =>
      openReplay({ file, fields: FIELDS, speed: 'max' }, () => undefined);

    await expect(open('missing.ndjson')).rejects.toThrow(
      new BadInputError('cannot replay missing.ndjson: no such file'),
    );
    await expect(open(folder)).rejects.toThrow(
      new BadInputError(`cannot replay ${folder}: it is a folder`),
    );
  });
});
