import { describe, expect, it } from 'vitest';
import { parseCommandLine, type Invocation } from '../../src/cli/command-line.ts';

const parse = (line: string): Invocation =>
  parseCommandLine(line.split(' ').filter(Boolean), () => undefined);

describe('parseCommandLine', () => {
  it('simulates 200 nodes for 20 seconds unless told otherwise', () => {
    expect(parse('demo')).toMatchObject({
      kind: 'demo',
      json: false,
      options: { input: { kind: 'simulate', nodes: 200, seconds: 20 } },
    });
    expect(parse('demo --nodes 5 --seconds 3 --seed 7 --json')).toMatchObject({
      json: true,
      options: { input: { kind: 'simulate', nodes: 5, seconds: 3, seed: 7 } },
    });
  });

  it('replays a file with named fields', () => {
    expect(
      parse('demo --replay f.ndjson --ts at --node device.id --values data --speed 2.5'),
    ).toMatchObject({
      options: {
        input: {
          kind: 'replay',
          file: 'f.ndjson',
          fields: { ts: 'at', node: 'device.id', values: 'data' },
          speed: 2.5,
        },
      },
    });
    expect(parse('demo --replay f --speed max')).toMatchObject({
      options: { input: { speed: 'max' } },
    });
  });

  it('takes servers by URL', () => {
    const urls = {
      postgres: 'postgres://u:p@h/db',
      redis: 'redis://h:6379',
      mqtt: 'mqtt://h:1883',
    };

    expect(
      parse(`demo --postgres ${urls.postgres} --redis ${urls.redis} --mqtt ${urls.mqtt}`),
    ).toMatchObject({ options: { urls } });
  });

  it.each([
    ['', 'name a command: demo'],
    ['serve', "unknown command 'serve'"],
    ['demo --colour', "unknown option '--colour'"],
    ['demo extra', "too many arguments for 'demo'. Expected 0 arguments but got 1."],
    ['demo --nodes 0', '--nodes must be from 1 to 100000, got 0'],
    ['demo --nodes -5', '--nodes must be a whole number, got "-5"'],
    ['demo --seconds 1.5', '--seconds must be a whole number, got "1.5"'],
    ['demo --seed 2147483648', '--seed must be from 0 to 2147483647, got 2147483648'],
    ['demo --replay f --speed fast', '--speed must be a number above 0, or max, got "fast"'],
    ['demo --redis localhost', '--redis must be a URL that begins with redis:// or rediss://'],
    ['demo --replay', "option '--replay <file>' argument missing"],
    ['demo --speed max', '--speed needs --replay'],
    ['demo --replay f --nodes 5', '--nodes does not go with --replay'],
  ])('answers "%s" with one sentence', (line, message) => {
    expect(parse(line)).toEqual({ kind: 'mistake', message });
  });

  it.each([
    '--postgres http://user:se@cret@host/db',
    '--postgres postgres://user:se/cret@host/db',
    '--redis rediss//:se/cret@host',
    '--mqtt=user:se@cret@host',
    '--mqqt=mqtt://user:se@cret@host',
  ])('says what is wrong with "%s" without the password', (flag) => {
    const invocation = parse(`demo ${flag}`);

    expect(invocation).toMatchObject({ kind: 'mistake' });
    expect(JSON.stringify(invocation)).not.toContain('cret');
  });

  it('prints the version', () => {
    let text = '';

    expect(parseCommandLine(['--version'], (part) => (text += part))).toEqual({ kind: 'printed' });
    expect(text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('prints help and has nothing more to do', () => {
    let text = '';

    expect(parseCommandLine(['demo', '--help'], (part) => (text += part))).toEqual({
      kind: 'printed',
    });
    expect(text).toContain('--replay <file>');
  });
});
