import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { descendantsOf, hasEnded } from './process-tree.ts';
import { guard, unguard } from './watchdog.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process in a process group of its own that cannot outlive this process. */
export interface GuardedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly exited: Promise<ExitStatus>;
  readonly hasExited: () => boolean;
  /** SIGKILL for the process and all its descendants; resolves when none of them runs. */
  kill(): Promise<void>;
  /** SIGSTOP for the process and all its descendants. */
  freeze(): Promise<void>;
  /** SIGCONT for what `freeze` has stopped. */
  thaw(): void;
}

/** @throws when the program cannot be started. */
export async function spawnGuarded(command: Command, stdio: StdioOptions): Promise<GuardedProcess> {
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env: command.env,
    ...(command.uid === undefined ? {} : { uid: command.uid }),
    ...(command.gid === undefined ? {} : { gid: command.gid }),
    detached: true,
    stdio,
  });
  // In the same turn as the spawn, so that there is no time in which our death would leave the child alone.
  if (child.pid !== undefined) guard(child.pid);
  let status: ExitStatus | undefined;
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (code, signal) => {
      status = { code, signal };
      if (child.pid !== undefined) unguard(child.pid);
      resolve(status);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command.program} started without a process number`);
  let frozen: readonly number[] = [];

  return {
    pid,
    child,
    exited,
    hasExited: () => status !== undefined,
    async kill() {
      if (status !== undefined) return;
      // Stopped first: a stopped parent starts no further child while its children are being listed.
      signal(pid, 'SIGSTOP');
      const descendants = await descendantsOf(pid);
      signal(-pid, 'SIGKILL');
      for (const descendant of descendants) signal(descendant, 'SIGKILL');
      await exited;
      await hasEnded(descendants);
    },
    async freeze() {
      if (status !== undefined) return;
      signal(-pid, 'SIGSTOP');
      frozen = await descendantsOf(pid);
      // A frozen process does not notice that its parent is gone, so the watchdog must know each one.
      guard(pid, frozen);
      for (const descendant of frozen) signal(descendant, 'SIGSTOP');
    },
    thaw() {
      if (status !== undefined) return;
      for (const descendant of frozen) signal(descendant, 'SIGCONT');
      frozen = [];
      signal(-pid, 'SIGCONT');
      guard(pid);
    },
  };
}

/** Sends a signal to a process, or with a negative number to a process group; harmless when it is gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Already gone: what a kill wants, and nothing that a stop could still do.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
