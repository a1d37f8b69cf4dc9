import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueue } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import {
  parsedOutput,
  programRunner,
  startRedisServer,
  type ServerProcess,
} from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-tls-'));
const certificate = join(folder, 'certificate.pem');
const key = join(folder, 'key.pem');

/** Of this test alone; false where there is no openssl. */
function makeCertificate(): boolean {
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', certificate];
  return spawnSync('openssl', ['req', '-x509', ...kind, ...name, ...files]).status === 0;
}

describe.runIf(makeCertificate())('over TLS', () => {
  let server: ServerProcess;
  let url: string;

  beforeAll(async () => {
    server = await startRedisServer({
      settings: {
        ...{ 'tls-cert-file': certificate, 'tls-key-file': key, 'tls-ca-cert-file': certificate },
        'tls-auth-clients': 'no',
      },
    });
    // The port that answers without TLS becomes one that answers only with it.
    const admin = new Redis(server.url);
    const { port } = new URL(server.url);
    await admin.config('SET', 'port', '0');
    await admin.config('SET', 'tls-port', port);
    admin.disconnect();
    url = `rediss://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  test('a queue adds, is told of news, and delivers', async () => {
    const client = new Redis(url, { tls: { ca: readFileSync(certificate) } });
    const queue = createQueue<number>({
      name: 'numbers',
      store: redisStore({ client }),
      limits: { maxCount: 10, maxBytes: 1000 },
      overflow: 'reject',
    });
    const seen: number[] = [];
    const consumer = queue.consume(
      (batch) => {
        for (const { value } of batch) seen.push(value);
        return Promise.resolve();
      },
      { pollMs: 600_000 },
    );
    for (let value = 0; value < 3; value += 1) {
      await queue.add(value);
      while (seen.length <= value) await new Promise((resolve) => setImmediate(resolve));
    }

    await consumer.close();
    expect(seen).toEqual([0, 1, 2]);
    await queue.close();
    client.disconnect();
  });

  test('the command trusts who the machine trusts, and says whom it does not', async () => {
    const run = programRunner(new URL('../../src/cli.ts', import.meta.url));
    const trusted = await run(['inspect', '--url', url, '--json'], {
      NODE_EXTRA_CA_CERTS: certificate,
    });
    const refused = await run(['inspect', '--url', url.replace('//', '//:secret@')]);

    expect(parsedOutput(trusted)).toMatchObject([{ queue: 'numbers', stats: { count: 0 } }]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /^holdfast-sync-queue: cannot reach Redis at \S+: \w*SELF_SIGNED\w*\n$/,
    );
  });

  test('negative control: without TLS the server does not answer there', async () => {
    const client = new Redis(url.replace('rediss', 'redis'), {
      ...{ maxRetriesPerRequest: 0, retryStrategy: () => null },
    });
    client.on('error', () => undefined);

    await expect(client.ping()).rejects.toThrow();
    client.disconnect();
  });
});
