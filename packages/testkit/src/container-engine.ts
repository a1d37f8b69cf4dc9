import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where an engine listens: a socket's path, or a host and a port. */
export type EngineAddress =
  { readonly socketPath: string } | { readonly host: string; readonly port: number };

interface Answer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_TIMEOUT_MS = 3_000;
const PULL_TIMEOUT_MS = 180_000;

/** The engine of `DOCKER_HOST`, or the first usual socket that exists. */
export function engineAddress(): EngineAddress | undefined {
  const host = process.env['DOCKER_HOST'];
  if (host !== undefined && host !== '') {
    const url = new URL(host);
    if (url.protocol === 'unix:') return { socketPath: url.pathname };
    return { host: url.hostname, port: Number(url.port === '' ? 2375 : url.port) };
  }
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const sockets = [
    '/var/run/docker.sock',
    ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')]),
    join(homedir(), '.docker/run/docker.sock'),
  ];
  const socketPath = sockets.find((path) => existsSync(path));
  return socketPath === undefined ? undefined : { socketPath };
}

/** @returns why there is no engine to use, or undefined when one answers. */
export async function engineAnswers(): Promise<string | undefined> {
  const address = engineAddress();
  if (address === undefined) return 'DOCKER_HOST is not set and no engine has a socket here';
  try {
    const { status } = await callEngine(address, 'GET', '/_ping', ANSWER_TIMEOUT_MS);
    return status === 200 ? undefined : `the container engine answers with status ${status}`;
  } catch (error) {
    return `no container engine answers: ${String(error)}`;
  }
}

/**
 * Makes sure that the engine has an image; pulls it when it is not local.
 *
 * @returns why the image cannot be had, or undefined when it is local now.
 */
export async function canHaveImage(image: string): Promise<string | undefined> {
  const address = engineAddress();
  if (address === undefined) return 'there is no container engine';
  const path = `/images/${encodeURIComponent(image)}/json`;
  const isLocal = async (): Promise<boolean> =>
    (await callEngine(address, 'GET', path, ANSWER_TIMEOUT_MS)).status === 200;
  try {
    if (await isLocal()) return undefined;
    const pull = `/images/create?fromImage=${encodeURIComponent(image)}`;
    const { body } = await callEngine(address, 'POST', pull, PULL_TIMEOUT_MS);
    // The status is 200 even when the pull fails halfway: the last line of the answer tells.
    if (await isLocal()) return undefined;
    return `the engine has no image ${image} and cannot pull it: ${body.trim().slice(-300)}`;
  } catch (error) {
    return `the engine has no image ${image} and cannot pull it: ${String(error)}`;
  }
}

/** One request of the Docker Engine API. */
export function callEngine(
  address: EngineAddress,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  timeoutMs: number,
  body?: object,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = request({ ...address, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('close', () => clearTimeout(timer));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    const timer = setTimeout(
      () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    call.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
