import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programRunner, startPostgresServer, type ServerProcess } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const runCli = programRunner(new URL('../../src/cli.ts', import.meta.url));
let server: ServerProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  // PostgreSQL runs as another user when we are root.
  chmodSync(folder, 0o755);
  const rules = join(folder, 'pg_hba.conf');
  writeFileSync(rules, 'host all postgres all trust\nhost all all all scram-sha-256\n');
  server = await startPostgresServer({ settings: { hba_file: rules } });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** One sentence, and nothing of the credentials. */
async function complaintAbout(url: string): Promise<string> {
  const { code, stdout, stderr } = await runCli(['list', '--url', url]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).not.toMatch(/gardener|secret/);
  expect(stderr).toMatch(/^holdfast-locks: .*\n$/);
  return stderr.slice('holdfast-locks: '.length, -1);
}

it('says which server refuses the login', async () => {
  const place = `127.0.0.1:${server.port}`;

  expect(await complaintAbout(`postgres://gardener:secret@${place}/postgres`)).toBe(
    `PostgreSQL at ${place} refused the login (28P01)`,
  );
  expect(await complaintAbout(`postgres://gardener@${place}/postgres`)).toBe(
    `PostgreSQL at ${place} refused the login: is there a password?`,
  );
});

it('passes on what else the server says', async () => {
  const place = `127.0.0.1:${server.port}`;

  expect(await complaintAbout(`postgres://postgres:secret@${place}/nowhere`)).toBe(
    `PostgreSQL at ${place} says: database "nowhere" does not exist (3D000)`,
  );
});

it('says which of its settings the driver cannot use', async () => {
  expect(
    await complaintAbout('postgres://gardener:secret@localhost/db?sslrootcert=/nowhere'),
  ).toMatch(/^pg cannot use these connection settings: ENOENT: .* '\/nowhere'$/);
});

it('says which server cannot be reached', async () => {
  const free = await freePort();

  expect(await complaintAbout(`postgres://gardener:secret@127.0.0.1:${free}/db`)).toBe(
    `cannot reach PostgreSQL at 127.0.0.1:${free}: ECONNREFUSED`,
  );
  // More than one address may stand behind this name.
  expect(await complaintAbout(`postgres://gardener:secret@localhost:${free}/db`)).toBe(
    `cannot reach PostgreSQL at localhost:${free}: ECONNREFUSED`,
  );
});

it('gives up on a server that takes the connection and says nothing', async () => {
  const place = `127.0.0.1:${server.port}`;
  await server.freeze();
  try {
    expect(await complaintAbout(`postgres://gardener:secret@${place}/db`)).toBe(
      `PostgreSQL at ${place} did not answer within 5 s`,
    );
  } finally {
    server.thaw();
  }
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
