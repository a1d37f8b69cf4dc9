import { fileURLToPath } from 'node:url';
import { requireSchema } from '../postgres/postgres-store.ts';
import { requirePrefix } from '../redis/redis-store.ts';
import { pathInUri } from '../sqlite/file-uri.ts';

/** Where the queues are. */
export type StorePlace =
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }
  | {
      readonly kind: 'redis';
      readonly url: string;
      readonly prefix: string;
      readonly isCluster: boolean;
    }
  | { readonly kind: 'sqlite'; readonly path: string };

export interface PlaceFlags {
  readonly url?: string;
  readonly schema?: string;
  readonly prefix?: string;
  readonly cluster?: true;
}

/** The first of them that is set says where, unless `--url` does. */
const VARIABLES = ['HOLDFAST_QUEUE_URL', 'DATABASE_URL'] as const;

/** @throws {TypeError} without the URL in its message: it may hold a password. */
export function readStorePlace(
  flags: PlaceFlags,
  environment: (name: string) => string | undefined,
): StorePlace {
  const variable = VARIABLES.find((name) => environment(name) !== undefined);
  const source = flags.url === undefined ? variable : '--url';
  if (source === undefined) {
    throw new TypeError('say where the queues are: --url, or HOLDFAST_QUEUE_URL, or DATABASE_URL');
  }
  const place = placeOf(flags.url ?? environment(source) ?? '', source, flags);
  if (place.kind !== 'postgres' && flags.schema !== undefined) {
    throw new TypeError('--schema is for postgres://');
  }
  if (place.kind !== 'redis' && flags.prefix !== undefined) {
    throw new TypeError('--prefix is for redis://');
  }
  if (place.kind !== 'redis' && flags.cluster !== undefined) {
    throw new TypeError('--cluster is for redis://');
  }
  return place;
}

function placeOf(url: string, source: string, flags: PlaceFlags): StorePlace {
  const scheme = /^([a-z][a-z+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'postgres':
    case 'postgresql':
      return { kind: 'postgres', url: checked(url, source), schema: requireSchema(flags.schema) };
    case 'redis':
    case 'rediss': {
      const isCluster = flags.cluster === true;
      const prefix = requirePrefix(flags.prefix);
      return { kind: 'redis', url: withNumber(checked(url, source), source), prefix, isCluster };
    }
    case 'file':
      return { kind: 'sqlite', path: pathOf(url, source) };
    case undefined:
      if (url === '') throw new TypeError(`${source} is empty`);
      return { kind: 'sqlite', path: url };
    default:
      throw new TypeError(
        `${source} must begin with postgres://, redis://, rediss:// or file:, or be the path of an SQLite file`,
      );
  }
}

function checked(url: string, source: string): string {
  if (URL.canParse(url)) return url;
  throw new TypeError(`${source} is not a URL that can be read: are special characters escaped?`);
}

/** The path of a URL of Redis is the number of a database. */
function withNumber(url: string, source: string): string {
  if (/^\/?\d*$/.test(new URL(url).pathname)) return url;
  throw new TypeError(`${source} must end with the number of a database, or without a path`);
}

/** `file:queue.db` is relative, which no URL can be. */
function pathOf(url: string, source: string): string {
  if (!url.startsWith('//', 'file:'.length)) {
    const path = pathInUri(url);
    if (path === '') throw new TypeError(`${source} names no file`);
    return path;
  }
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new TypeError(`${source} must be file:///path or file:path`, { cause: error });
  }
}
