import { databaseUrl, parseCommand, wholeNumber, type Unread } from '@holdfast/cli-kit';
import type { Command } from 'commander';
import type { RemoveDuplicatesOptions } from '../duplicates/duplicates.ts';
import { resolveNamedTable } from '../duplicates/duplicates-options.ts';
import { VERSION } from './version.ts';

/** All that the command line says of the clean-up. */
export type CleanUpOptions = Omit<
  RemoveDuplicatesOptions,
  'pool' | 'onProgress' | 'signal' | 'clock'
>;

export interface DedupeRequest {
  readonly url: string | undefined;
  readonly json: boolean;
  /** True: it acts without asking. */
  readonly yes: boolean;
  readonly options: CleanUpOptions;
}

export type Invocation = { readonly kind: 'dedupe'; readonly request: DedupeRequest } | Unread;

export interface CommandLineContext {
  /** Where the database is, unless `--url` says so; empty is none. */
  readonly databaseUrl: string | undefined;
  readonly print: (text: string) => void;
}

interface Flags {
  readonly url?: string;
  readonly table: string;
  readonly key: string;
  readonly keep: string;
  readonly nullsEqual?: true;
  readonly where?: string;
  readonly chunkRows?: string;
  readonly maxTxMs?: string;
  readonly pauseMs?: string;
  readonly sample?: string;
  readonly archiveTo?: string;
  readonly workTable?: string;
  readonly uniqueIndex?: string;
  readonly attempts?: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** Reads the command line. A mistake in it comes back as one sentence without credentials. */
export function parseCommandLine(
  args: readonly string[],
  { databaseUrl: fromEnvironment, print }: CommandLineContext,
): Invocation {
  return parseCommand<Invocation>(args, {
    name: 'holdfast-batch-writer',
    description: 'Cleans up tables of a PostgreSQL database.',
    version: VERSION,
    print,
    addCommands(program, decide) {
      withOptions(program.command('dedupe')).action((flags: Flags) =>
        decide(() => ({ kind: 'dedupe', request: requestOf(flags, fromEnvironment) })),
      );
    },
  });
}

function withOptions(command: Command): Command {
  return command
    .description(
      'Deletes all rows but one of each key. It shows its plan first, and acts when told to.',
    )
    .allowExcessArguments(false)
    .requiredOption('--table <name>', 'table or schema.table')
    .requiredOption('--key <columns>', 'columns with commas between them')
    .requiredOption(
      '--keep <rule>',
      'first or last by primary key, or column:asc (the smallest) or column:desc (the largest)',
    )
    .option('--nulls-equal', 'rows with NULL in their key are duplicates, too')
    .option('--where <sql>', 'only rows that meet this condition; the table is t in it')
    .option('--chunk-rows <n>', 'most rows of one transaction (default: 5000)')
    .option('--max-tx-ms <ms>', 'chunks shrink to end within (default: 200)')
    .option('--pause-ms <ms>', 'between two chunks (default: 0)')
    .option('--archive-to <table>', 'deleted rows are inserted there; made when it is not there')
    .option('--work-table <table>', 'where duplicates are kept until they are deleted')
    .option('--unique-index <name>', 'then build a unique index on the key, CONCURRENTLY')
    .option('--attempts <n>', 'of the unique index, cleaning up before each (default: 3)')
    .option('--dry-run', 'count, show examples, and change nothing')
    .option('--sample <n>', 'examples of a dry run (default: 5)')
    .option('--yes', 'act without asking; needed where nobody can be asked')
    .option('--json', 'print one JSON document, with the plan and the report')
    .option('--url <url>', 'postgres://… (default: DATABASE_URL, else PGHOST, PGUSER, …)');
}

/** @throws {TypeError} naming the flag. */
function requestOf(flags: Flags, fromEnvironment: string | undefined): DedupeRequest {
  if (flags.dryRun === undefined && flags.sample !== undefined) {
    throw new TypeError('--sample is for a --dry-run');
  }
  if (flags.uniqueIndex === undefined && flags.attempts !== undefined) {
    throw new TypeError('--attempts is for a --unique-index');
  }
  const attempts = wholeNumber('--attempts', flags.attempts);
  return {
    url: databaseUrl(flags.url, fromEnvironment),
    json: flags.json === true,
    yes: flags.yes === true,
    options: {
      ...tableOf(flags.table),
      key: flags.key.split(',').map((name) => name.trim()),
      keep: keepOf(flags.keep),
      nullsEqual: flags.nullsEqual === true,
      where: flags.where,
      chunkRows: wholeNumber('--chunk-rows', flags.chunkRows),
      maxTxMs: wholeNumber('--max-tx-ms', flags.maxTxMs),
      pauseMs: wholeNumber('--pause-ms', flags.pauseMs),
      sample: wholeNumber('--sample', flags.sample),
      archiveTo: flags.archiveTo,
      workTable: flags.workTable,
      dryRun: flags.dryRun === true,
      thenUniqueIndex:
        flags.uniqueIndex === undefined ? undefined : { name: flags.uniqueIndex, attempts },
    },
  };
}

function tableOf(given: string): Pick<CleanUpOptions, 'schema' | 'table'> {
  const { schema, table } = resolveNamedTable('--table', given) ?? {};
  return { schema, table: table ?? '' };
}

function keepOf(rule: string): CleanUpOptions['keep'] {
  if (rule === 'first' || rule === 'last') return rule;
  const [, orderBy, direction] = /^(.+):(asc|desc)$/.exec(rule) ?? [];
  if (orderBy !== undefined) return { orderBy, direction: direction as 'asc' | 'desc' };
  throw new TypeError(
    `--keep must be first, last, column:asc or column:desc, got ${JSON.stringify(rule)}`,
  );
}
