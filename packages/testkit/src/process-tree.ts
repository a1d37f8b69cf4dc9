import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  readonly isZombie: boolean;
}

/** All living descendants of a process: PostgreSQL's backends make sessions of their own, so its group is not enough. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const rows = await listProcesses();
  const found: number[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = rows.filter((row) => parents.has(row.parentPid) && !row.isZombie);
    found.push(...children.map((row) => row.pid));
    parents = new Set(children.map((row) => row.pid));
  }
  return found;
}

/** Resolves when none of the processes runs. */
export async function hasEnded(pids: readonly number[]): Promise<void> {
  while ((await runningAmong(pids)).length > 0) await delay(5);
}

/**
 * Those of the processes that run. A zombie does not: its memory and files are released, and in a container nobody may
 * be there to collect it.
 */
export async function runningAmong(pids: readonly number[]): Promise<number[]> {
  if (pids.length === 0) return [];
  const rows = await listProcesses();
  return rows.filter((row) => pids.includes(row.pid) && !row.isZombie).map((row) => row.pid);
}

async function listProcesses(): Promise<ProcessRow[]> {
  return process.platform === 'linux' ? readProc() : runPs();
}

async function readProc(): Promise<ProcessRow[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const rows = await Promise.all(
    names.map(async (name): Promise<ProcessRow | undefined> => {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => undefined);
      if (stat === undefined) return undefined;
      // proc(5): "pid (comm) state ppid …"; comm may hold spaces and brackets.
      const [state, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return { pid: Number(name), parentPid: Number(parentPid), isZombie: state === 'Z' };
    }),
  );
  return rows.filter((row) => row !== undefined);
}

async function runPs(): Promise<ProcessRow[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [pid, parentPid, state] = line.trim().split(/\s+/);
      return {
        pid: Number(pid),
        parentPid: Number(parentPid),
        isZombie: state?.startsWith('Z') === true,
      };
    });
}
