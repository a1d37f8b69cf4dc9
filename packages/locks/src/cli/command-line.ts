import { Command, CommanderError } from 'commander';
import { describeKey, lockKey } from '../lock-key.ts';
import type { LeaseTable } from '../leases/lease-schema.ts';
import type { InspectRequest } from './inspect-key.ts';
import { VERSION } from './version.ts';

export type Invocation =
  | { readonly kind: 'list'; readonly url: string | undefined; readonly json: boolean }
  | {
      readonly kind: 'inspect';
      readonly url: string | undefined;
      readonly json: boolean;
      readonly request: InspectRequest;
    }
  /** Help or version was asked for and printed. */
  | { readonly kind: 'printed' }
  | { readonly kind: 'mistake'; readonly message: string };

export interface CommandLineContext {
  /** Where the database is, unless `--url` says so; empty is none. */
  readonly databaseUrl: string | undefined;
  readonly print: (text: string) => void;
}

interface CommonFlags {
  readonly url?: string;
  readonly json?: true;
}

interface InspectFlags extends CommonFlags {
  readonly leaseTable?: string;
}

const NO_COMMAND = 'name a command: list or inspect';

/** Reads the command line. A mistake in it comes back as one sentence without credentials. */
export function parseCommandLine(
  args: readonly string[],
  { databaseUrl, print }: CommandLineContext,
): Invocation {
  if (args.length === 0) return { kind: 'mistake', message: NO_COMMAND };
  let invocation: Invocation | undefined;
  const decide = (read: () => Invocation): void => {
    try {
      invocation = read();
    } catch (error) {
      // What the checks of the library throw.
      if (!(error instanceof TypeError)) throw error;
      invocation = { kind: 'mistake', message: error.message };
    }
  };
  const common = (flags: CommonFlags): { url: string | undefined; json: boolean } => ({
    url: urlOf(flags.url, databaseUrl),
    json: flags.json === true,
  });

  const program = new Command('holdfast-locks')
    .description('Shows who holds and who waits for the advisory locks of a PostgreSQL database.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  withCommonOptions(program.command('list'))
    .description('Lists all advisory locks that somebody holds or waits for.')
    .action((flags: CommonFlags) => decide(() => ({ kind: 'list', ...common(flags) })));
  withCommonOptions(program.command('inspect'))
    .description('Shows one lock, and the lease of the same key. A part may be a number.')
    .argument('<namespace>', 'as given to createLocks')
    .argument('<part...>', 'the parts of the key; put -- before them when one begins with -')
    .option(
      '--lease-table <name>',
      'table or schema.table of the leases (default: holdfast_leases)',
    )
    .action((namespace: string, parts: readonly string[], flags: InspectFlags) =>
      decide(() => ({
        kind: 'inspect',
        ...common(flags),
        request: {
          key: lockKey(namespace, parts),
          name: describeKey(namespace, parts),
          table: leaseTableOf(flags.leaseTable),
          isTableNamed: flags.leaseTable !== undefined,
        },
      })),
    );
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'printed' };
    // It would show the help as an error.
    if (error.code === 'commander.help') return { kind: 'mistake', message: NO_COMMAND };
    return { kind: 'mistake', message: sentenceOf(error) };
  }
  return invocation ?? { kind: 'printed' };
}

function withCommonOptions(command: Command): Command {
  return command
    .allowExcessArguments(false)
    .option('--url <url>', 'postgres://… (default: DATABASE_URL, else PGHOST, PGUSER, …)')
    .option('--json', 'print JSON; keys and tokens are text, for they exceed its numbers');
}

/** @throws {TypeError} without the URL in its message: it holds the password. */
function urlOf(flag: string | undefined, fromEnvironment: string | undefined): string | undefined {
  const url = flag ?? (fromEnvironment === '' ? undefined : fromEnvironment);
  if (url === undefined) return undefined;
  if (URL.canParse(url) && ['postgres:', 'postgresql:'].includes(new URL(url).protocol)) return url;
  const name = flag === undefined ? 'DATABASE_URL' : '--url';
  throw new TypeError(`${name} must be a URL that begins with postgres:// or postgresql://`);
}

/** @throws {TypeError} when it is no name. */
function leaseTableOf(name: string | undefined): LeaseTable {
  if (name === undefined) return {};
  const [, schema, table] = /^(?:([^.]+)\.)?([^.]+)$/.exec(name) ?? [];
  if (table === undefined) {
    throw new TypeError(`--lease-table must be table or schema.table, got ${JSON.stringify(name)}`);
  }
  return { table, schema };
}

/** Commander's message in one line, without its `error: ` in front, and without what may be a URL's credentials. */
function sentenceOf(error: CommanderError): string {
  return error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/:\/\/\S*?(?='?(?:\s|$))/g, '://***');
}
