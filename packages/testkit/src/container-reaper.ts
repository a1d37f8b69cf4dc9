import { spawn } from 'node:child_process';
import { engineAddress } from './container-engine.ts';
import type { Lifeline } from './watchdog.ts';

/** Containers with this label, set to the reaper's `id`, are removed. */
export const OWNER_LABEL = 'holdfast.owner';

/**
 * Plain JavaScript for `node -e`: when standard input ends, which is when our process has ended, it removes every
 * container that carries our label, also one that was just being created.
 */
const SCRIPT = `
const http = require('node:http');
const [address, label] = JSON.parse(process.argv[1]);
const call = (method, path, done) =>
  http.request({ ...address, method, path }, (response) => {
    let body = '';
    response.on('data', (chunk) => (body += chunk)).on('end', () => done(body));
  }).on('error', () => done('[]')).end();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {});
process.stdin.resume().on('end', () => {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  call('GET', '/containers/json?all=true&filters=' + filters, (body) => {
    for (const { Id } of JSON.parse(body)) {
      call('DELETE', '/containers/' + Id + '?force=true&v=true', () => {});
    }
  });
});
`;

/** The work of testcontainers' own reaper without a container: it also runs where that one cannot. */
export interface ContainerReaper {
  /** Value of the label `holdfast.owner` for our containers. */
  readonly id: string;
  /** Removes the containers now; resolves when that is done. */
  close(): Promise<void>;
}

/** Starts a process that removes our containers when this process ends, however it ends. */
export function startContainerReaper(): ContainerReaper {
  const address = engineAddress();
  if (address === undefined) throw new Error('there is no container engine');
  const id = crypto.randomUUID();
  const argument = JSON.stringify([address, `${OWNER_LABEL}=${id}`]);
  const child = spawn(process.execPath, ['-e', SCRIPT, argument], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Options meant for this process, such as a loader, would only slow it down.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pipe = child.stdin as Lifeline;
  child.unref();
  pipe.unref();
  pipe.on('error', () => undefined);
  return {
    id,
    close() {
      pipe.end();
      child.ref();
      return exited;
    },
  };
}
