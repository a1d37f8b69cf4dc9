import { systemRandom } from '@holdfast/internal';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { DemoOptions } from '../demo/demo-options.ts';

export type Invocation =
  | { readonly kind: 'demo'; readonly options: DemoOptions; readonly json: boolean }
  /** Help or version was asked for and printed. */
  | { readonly kind: 'printed' }
  | { readonly kind: 'mistake'; readonly message: string };

interface DemoFlags {
  readonly replay?: string;
  readonly ts?: string;
  readonly node?: string;
  readonly values?: string;
  readonly speed?: number | 'max';
  readonly nodes?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly json?: true;
  readonly postgres?: string;
  readonly redis?: string;
  readonly mqtt?: string;
}

/** Reads the command line. A mistake in it comes back as one sentence. */
export function parseCommandLine(
  args: readonly string[],
  print: (text: string) => void,
): Invocation {
  if (args.length === 0) return { kind: 'mistake', message: 'name a command: demo' };
  let invocation: Invocation | undefined;
  const program = new Command('holdfast')
    .description('Runs the Holdfast reference system.')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  program
    .command('demo')
    .description('Runs the whole system on simulated or recorded devices and prints the ledger.')
    .addOption(new Option('--replay <file>', 'publish a recording: newline-delimited JSON'))
    .addOption(new Option('--ts <field>', 'field of the time (default: ts); a path such as a.b'))
    .addOption(new Option('--node <field>', 'field of the node (default: node)'))
    .addOption(new Option('--values <field>', 'field of the object of values (default: values)'))
    .addOption(
      new Option('--speed <factor>', 'times faster than recorded, or max (default: max)').argParser(
        parseSpeed,
      ),
    )
    .addOption(
      new Option('--nodes <count>', 'simulated nodes (default: 200)').argParser(
        wholeNumber(1, 100_000),
      ),
    )
    .addOption(
      new Option('--seconds <count>', 'seconds to simulate (default: 20)').argParser(
        wholeNumber(1, 86_400),
      ),
    )
    .addOption(
      new Option('--seed <number>', 'repeats a simulation (default: random)').argParser(
        wholeNumber(0, 2 ** 31 - 1),
      ),
    )
    .addOption(new Option('--json', 'print the ledger as one JSON object'))
    .addOption(
      new Option('--postgres <url>', 'use this PostgreSQL').argParser(
        url('postgres:', 'postgresql:'),
      ),
    )
    .addOption(
      new Option('--redis <url>', 'use this Redis as the ingest queue').argParser(
        url('redis:', 'rediss:'),
      ),
    )
    .addOption(
      new Option('--mqtt <url>', 'use this MQTT 5 broker').argParser(
        url('mqtt:', 'mqtts:', 'ws:', 'wss:'),
      ),
    )
    .action((flags: DemoFlags) => {
      const mistake = conflictOf(flags);
      invocation =
        mistake === undefined
          ? { kind: 'demo', options: demoOptions(flags), json: flags.json === true }
          : { kind: 'mistake', message: mistake };
    });
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'printed' };
    return { kind: 'mistake', message: sentenceOf(error) };
  }
  return invocation ?? { kind: 'printed' };
}

/** Flags that belong to the other kind of input would be ignored: better said than done. */
function conflictOf(flags: DemoFlags): string | undefined {
  const ofReplay = ['ts', 'node', 'values', 'speed'] as const;
  const ofSimulation = ['nodes', 'seconds', 'seed'] as const;
  const wrong = (flags.replay === undefined ? ofReplay : ofSimulation).find(
    (flag) => flags[flag] !== undefined,
  );
  if (wrong === undefined) return undefined;
  return flags.replay === undefined
    ? `--${wrong} needs --replay`
    : `--${wrong} does not go with --replay`;
}

function demoOptions(flags: DemoFlags): DemoOptions {
  const urls = { postgres: flags.postgres, redis: flags.redis, mqtt: flags.mqtt };
  if (flags.replay !== undefined) {
    const { ts = 'ts', node = 'node', values = 'values' } = flags;
    const fields = { ts, node, values };
    const speed = flags.speed ?? 'max';
    return { input: { kind: 'replay', file: flags.replay, fields, speed }, urls };
  }
  const { nodes = 200, seconds = 20, seed = Math.floor(systemRandom() * 2 ** 31) } = flags;
  return { input: { kind: 'simulate', nodes, seconds, seed }, urls };
}

function parseSpeed(text: string): number | 'max' {
  if (text === 'max') return 'max';
  const factor = Number(text);
  if (!(factor > 0) || !Number.isFinite(factor)) {
    throw new InvalidArgumentError('It must be a number above 0, or max.');
  }
  return factor;
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max || text.trim() === '') {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

function url(...protocols: readonly string[]): (text: string) => string {
  return (text) => {
    if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) {
      throw new InvalidArgumentError(`It must be a URL that begins with ${protocols[0] ?? ''}//.`);
    }
    return text;
  };
}

/** Commander's message in one line, without its `error: ` in front, and without a URL's credentials. */
function sentenceOf(error: CommanderError): string {
  return error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/\/\/[^@/\s']*@/g, '//***@');
}
