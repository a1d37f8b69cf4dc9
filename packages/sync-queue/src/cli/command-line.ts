import { parseCommand, wholeNumber, type ProgramContext, type Unread } from '@holdfast/cli-kit';
import type { Command } from 'commander';
import { resolvePauseTarget } from '../pause-target.ts';
import type { PauseTarget } from '../store.ts';
import { readFilter, requirePriorityFlag, withFilter, type FilterFlags } from './filter-flags.ts';
import type { DeadRequest } from './list-dead.ts';
import type { PurgeRequest } from './purge.ts';
import type { RedriveRequest } from './redrive.ts';
import { readStorePlace, type PlaceFlags, type StorePlace } from './store-place.ts';
import { VERSION } from './version.ts';
import type { WatchRequest } from './watch.ts';

interface Common {
  readonly place: StorePlace;
  readonly json: boolean;
}

export type Invocation =
  | ({ readonly kind: 'list'; readonly watch: WatchRequest | undefined } & Common)
  | ({
      readonly kind: 'inspect';
      readonly queue: string;
      readonly watch: WatchRequest | undefined;
    } & Common)
  | ({ readonly kind: 'dead'; readonly queue: string; readonly request: DeadRequest } & Common)
  | ({ readonly kind: 'purge'; readonly queue: string; readonly request: PurgeRequest } & Common)
  | ({
      readonly kind: 'redrive';
      readonly queue: string;
      readonly request: RedriveRequest;
    } & Common)
  | ({
      readonly kind: 'pause' | 'resume';
      readonly queue: string;
      readonly target: PauseTarget;
    } & Common)
  | Unread;

interface CommonFlags extends PlaceFlags {
  readonly queue?: string;
  readonly json?: true;
}

interface InspectFlags extends CommonFlags {
  readonly watch?: true;
  readonly interval?: string;
}

interface DeadFlags extends CommonFlags, FilterFlags {
  readonly limit?: string;
  readonly after?: string;
  readonly payload?: true;
  readonly purge?: true;
  readonly dryRun?: true;
  readonly yes?: true;
}

interface RedriveFlags extends CommonFlags, FilterFlags {
  readonly rate?: string;
  readonly dryRun?: true;
  readonly yes?: true;
}

interface PauseFlags extends CommonFlags {
  readonly key?: string;
  readonly priority?: string;
}

/** Reads the command line. A mistake in it comes back as one sentence without credentials. */
export function parseCommandLine(
  args: readonly string[],
  { print, environment }: Pick<ProgramContext, 'print' | 'environment'>,
): Invocation {
  const common = (flags: CommonFlags): Common => ({
    place: readStorePlace(flags, environment),
    json: flags.json === true,
  });
  return parseCommand<Invocation>(args, {
    name: 'holdfast-sync-queue',
    description: 'Looks at queues, and does what an operator may do to them.',
    version: VERSION,
    print,
    addCommands(program, decide) {
      withCommon(program.command('inspect'))
        .description('Shows what a queue holds and how full it is; without a name, all queues.')
        .option('--watch', 'show it again and again; with --json one line each time')
        .option('--interval <seconds>', 'with --watch: how often (default: 2)')
        .action((name: string | undefined, flags: InspectFlags) =>
          decide(() => {
            const queue = queueOf(name, flags);
            const how = { watch: watchRequestOf(flags), ...common(flags) };
            return queue === undefined
              ? { kind: 'list', ...how }
              : { kind: 'inspect', queue, ...how };
          }),
        );
      withFilter(withCommon(program.command('dead')))
        .description('Lists dead letters, the oldest first, or deletes them.')
        .option('--limit <n>', 'letters at most, from 1 to 1000 (default: 20)')
        .option('--after <cursor>', 'go on where the last page ended')
        .option('--payload', 'show the payloads: text where they are text, else Base64')
        .option('--purge', 'delete them for good. It shows its plan first')
        .option('--dry-run', 'with --purge: count the letters, and change nothing')
        .option('--yes', 'with --purge: act without asking; needed where nobody can be asked')
        .action((name: string | undefined, flags: DeadFlags) =>
          decide(() => {
            const of = { queue: requireQueue(name, flags), ...common(flags) };
            if (flags.purge === true) {
              return { kind: 'purge', ...of, request: purgeRequestOf(flags) };
            }
            return { kind: 'dead', ...of, request: deadRequestOf(flags) };
          }),
        );
      withFilter(withCommon(program.command('redrive')))
        .description('Puts dead letters back into the queue. It shows its plan first.')
        .option('--rate <n>', 'letters a second (default: as fast as the store)')
        .option('--dry-run', 'count the letters, and change nothing')
        .option('--yes', 'act without asking; needed where nobody can be asked')
        .action((name: string | undefined, flags: RedriveFlags) =>
          decide(() => ({
            ...{ kind: 'redrive', queue: requireQueue(name, flags), ...common(flags) },
            request: redriveRequestOf(flags),
          })),
        );
      for (const kind of ['pause', 'resume'] as const) {
        withCommon(program.command(kind))
          .description(DESCRIPTIONS[kind])
          .option('--key <key>', 'only the items of this key')
          .option('--priority <n>', 'only the items of this priority, from 0 to 7')
          .action((name: string | undefined, flags: PauseFlags) =>
            decide(() => ({
              ...{ kind, queue: requireQueue(name, flags), ...common(flags) },
              target: targetOf(flags),
            })),
          );
      }
    },
  });
}

const DESCRIPTIONS = {
  pause: 'Delivers nothing of a queue until it is resumed; items are still taken.',
  resume: 'Delivers again; also a key that a dead letter has halted.',
} as const;

function withCommon(command: Command): Command {
  return command
    .allowExcessArguments(false)
    .argument('[queue]', 'its name; one that begins with - as --queue=<name>')
    .option('--queue <name>', 'the same')
    .option(
      '--url <url>',
      'postgres://…, redis://…, rediss://…, or the SQLite file (default: HOLDFAST_QUEUE_URL, else DATABASE_URL)',
    )
    .option('--schema <name>', 'of PostgreSQL (default: holdfast_queue)')
    .option('--prefix <prefix>', 'of the keys in Redis (default: sync-queue)')
    .option('--cluster', 'the URL is that of a node of a Redis Cluster')
    .option('--json', 'print one JSON document');
}

/** @throws {TypeError} */
function queueOf(name: string | undefined, flags: CommonFlags): string | undefined {
  if (name !== undefined && flags.queue !== undefined) {
    throw new TypeError('name the queue once: as an argument, or by --queue');
  }
  const queue = name ?? flags.queue;
  if (queue === '') throw new TypeError('the name of the queue is empty');
  return queue;
}

function requireQueue(name: string | undefined, flags: CommonFlags): string {
  const queue = queueOf(name, flags);
  if (queue === undefined) throw new TypeError('name the queue');
  return queue;
}

function watchRequestOf({ watch, interval }: InspectFlags): WatchRequest | undefined {
  if (watch !== true) {
    if (interval !== undefined) throw new TypeError('--interval is for --watch');
    return undefined;
  }
  const seconds = Number(interval ?? 2);
  if (!/^[\d.]+$/.test(interval ?? '2') || !(seconds >= 0.1 && seconds <= 86_400)) {
    throw new TypeError(
      `--interval must be a number of seconds from 0.1 to 86400, got ${JSON.stringify(interval)}`,
    );
  }
  return { intervalMs: seconds * 1000 };
}

function purgeRequestOf(flags: DeadFlags): PurgeRequest {
  if ((flags.limit ?? flags.after ?? flags.payload) !== undefined) {
    throw new TypeError('--purge takes filters, and no --limit, --after or --payload');
  }
  return {
    filter: readFilter(flags),
    dryRun: flags.dryRun === true,
    yes: flags.yes === true,
  };
}

function deadRequestOf(flags: DeadFlags): DeadRequest {
  if ((flags.dryRun ?? flags.yes) !== undefined) {
    throw new TypeError('--dry-run and --yes are for --purge');
  }
  const limit = wholeNumber('--limit', flags.limit) ?? 20;
  if (limit < 1 || limit > 1000) throw new TypeError('--limit must be from 1 to 1000');
  const { after } = flags;
  if (after !== undefined && !/^\d+:[\w-]+$/.test(after)) {
    throw new TypeError('--after must be what the page before has printed');
  }
  return { filter: readFilter(flags), limit, after, hasPayload: flags.payload === true };
}

function redriveRequestOf(flags: RedriveFlags): RedriveRequest {
  const { rate } = flags;
  const perSecond = rate === undefined ? undefined : Number(rate);
  if (perSecond !== undefined && !(/^[\d.]+$/.test(rate ?? '') && perSecond >= 0.001)) {
    throw new TypeError(`--rate must be a number of at least 0.001, got ${JSON.stringify(rate)}`);
  }
  return {
    filter: readFilter(flags),
    perSecond,
    dryRun: flags.dryRun === true,
    yes: flags.yes === true,
  };
}

function targetOf({ key, priority }: PauseFlags): PauseTarget {
  if (key !== undefined && priority !== undefined) {
    throw new TypeError('--key and --priority exclude each other');
  }
  if (key !== undefined) return resolvePauseTarget({ kind: 'key', key });
  if (priority === undefined) return { kind: 'queue' };
  return { kind: 'priority', priority: requirePriorityFlag(priority) };
}
