import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * One shell per process of ours. It holds the read end of a pipe whose only write end is in this process, so the end of
 * the pipe is the end of this process, however it came (SIGKILL included). Each line replaces the list of what to kill.
 * It runs in a session of its own, where an interrupt from the terminal does not reach it.
 */
const SCRIPT = `
trap '' INT TERM HUP
targets=
while IFS= read -r line; do targets=$line; done
[ -z "$targets" ] || kill -s KILL -- $targets 2>/dev/null
rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }
`;

/** Standard input of a child: it does not keep us alive, and its end tells the child that we have ended. */
export type Lifeline = Writable & { unref(): void };

interface Watchdog {
  readonly directory: string;
  readonly pipe: Lifeline;
}

let watchdog: Watchdog | undefined;
const guarded = new Map<number, readonly number[]>();

/**
 * A directory for everything that servers of this process write. It is removed when this process has ended. Other users
 * may pass through it (PostgreSQL does not run as root), but not list it.
 */
export function processDirectory(): string {
  return start().directory;
}

/**
 * Has the process group of `pid`, and the processes `more` outside of it, killed when this process ends. Called again
 * it replaces `more`.
 */
export function guard(pid: number, more: readonly number[] = []): void {
  guarded.set(pid, more);
  tell();
}

/** Ends the guard: call it as soon as the process has exited, for its number may be given to another one. */
export function unguard(pid: number): void {
  if (guarded.delete(pid)) tell();
}

function start(): Watchdog {
  if (watchdog !== undefined) return watchdog;
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-'));
  chmodSync(directory, 0o711);
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'holdfast-watchdog', directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = shell.stdin as Lifeline;
  shell.unref();
  pipe.unref();
  // The shell outlives us by design; if somebody killed it there is nobody left to tell.
  pipe.on('error', () => undefined);
  watchdog = { directory, pipe };
  return watchdog;
}

function tell(): void {
  const targets = [...guarded].flatMap(([pid, more]) => [-pid, ...more]);
  start().pipe.write(`${targets.join(' ')}\n`);
}
