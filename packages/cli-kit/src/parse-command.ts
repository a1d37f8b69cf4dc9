import { Command, CommanderError } from 'commander';

export interface CommandProgram<Invocation> {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly print: (text: string) => void;
  /** Adds the commands; the action of each gives to `decide` how it reads its flags, which may throw a TypeError. */
  readonly addCommands: (program: Command, decide: (read: () => Invocation) => void) => void;
}

export type Unread =
  /** Help or version was asked for and printed. */
  { readonly kind: 'printed' } | { readonly kind: 'mistake'; readonly message: string };

/** Reads the command line. A mistake in it comes back as one sentence without credentials. */
export function parseCommand<Invocation>(
  args: readonly string[],
  { name, description, version, print, addCommands }: CommandProgram<Invocation>,
): Invocation | Unread {
  let read: Invocation | Unread = { kind: 'printed' };
  const program = new Command(name)
    .description(description)
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  addCommands(program, (readFlags) => {
    read = readWith(readFlags);
  });
  const noCommand = `name a command: ${program.commands.map((one) => one.name()).join(' or ')}`;
  if (args.length === 0) return mistake(noCommand);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'printed' };
    // It would show the help as an error.
    return mistake(error.code === 'commander.help' ? noCommand : sentenceOf(error));
  }
  return read;
}

function readWith<Invocation>(readFlags: () => Invocation): Invocation | Unread {
  try {
    return readFlags();
  } catch (error) {
    // What the checks of a library throw.
    if (!(error instanceof TypeError)) throw error;
    return mistake(error.message);
  }
}

function mistake(message: string): Unread {
  return { kind: 'mistake', message };
}

/** Commander's message in one line, without its `error: ` in front, and without what may be a URL's credentials. */
function sentenceOf(error: CommanderError): string {
  return error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/:\/\/\S*?(?='?(?:\s|$))/g, '://***');
}
