import { databaseUrl, parseCommand, type Unread } from '@holdfast/cli-kit';
import type { Command } from 'commander';
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
  | Unread;

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

/** Reads the command line. A mistake in it comes back as one sentence without credentials. */
export function parseCommandLine(
  args: readonly string[],
  { databaseUrl: fromEnvironment, print }: CommandLineContext,
): Invocation {
  const common = (flags: CommonFlags): { url: string | undefined; json: boolean } => ({
    url: databaseUrl(flags.url, fromEnvironment),
    json: flags.json === true,
  });
  return parseCommand<Invocation>(args, {
    name: 'holdfast-locks',
    description: 'Shows who holds and who waits for the advisory locks of a PostgreSQL database.',
    version: VERSION,
    print,
    addCommands(program, decide) {
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
    },
  });
}

function withCommonOptions(command: Command): Command {
  return command
    .allowExcessArguments(false)
    .option('--url <url>', 'postgres://… (default: DATABASE_URL, else PGHOST, PGUSER, …)')
    .option('--json', 'print JSON; keys and tokens are text, for they exceed its numbers');
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
