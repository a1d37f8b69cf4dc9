import { parseCommand, wholeNumber, type Unread } from '@holdfast/cli-kit';
import { systemRandom } from '@holdfast/internal';
import type { DemoOptions } from '../demo/demo-options.ts';
import { VERSION } from './version.ts';

export type Invocation =
  { readonly kind: 'demo'; readonly options: DemoOptions; readonly json: boolean } | Unread;

interface DemoFlags {
  readonly replay?: string;
  readonly ts?: string;
  readonly node?: string;
  readonly values?: string;
  readonly speed?: string;
  readonly nodes?: string;
  readonly seconds?: string;
  readonly seed?: string;
  readonly json?: true;
  readonly postgres?: string;
  readonly redis?: string;
  readonly mqtt?: string;
}

/** Reads the command line. A mistake in it comes back as one sentence without credentials. */
export function parseCommandLine(
  args: readonly string[],
  print: (text: string) => void,
): Invocation {
  return parseCommand<Invocation>(args, {
    name: 'holdfast',
    description: 'Runs the Holdfast reference system.',
    version: VERSION,
    print,
    addCommands(program, decide) {
      program
        .command('demo')
        .description(
          'Runs the whole system on simulated or recorded devices and prints the ledger.',
        )
        .option('--replay <file>', 'publish a recording: newline-delimited JSON')
        .option('--ts <field>', 'field of the time (default: ts); a path such as a.b')
        .option('--node <field>', 'field of the node (default: node)')
        .option('--values <field>', 'field of the object of values (default: values)')
        .option('--speed <factor>', 'times faster than recorded, or max (default: max)')
        .option('--nodes <count>', 'simulated nodes (default: 200)')
        .option('--seconds <count>', 'seconds to simulate (default: 20)')
        .option('--seed <number>', 'repeats a simulation (default: random)')
        .option('--json', 'print the ledger as one JSON object')
        .option('--postgres <url>', 'use this PostgreSQL')
        .option('--redis <url>', 'use this Redis as the ingest queue')
        .option('--mqtt <url>', 'use this MQTT 5 broker')
        .action((flags: DemoFlags) => decide(() => readDemo(flags)));
    },
  });
}

/** @throws {TypeError} naming the flag. */
function readDemo(flags: DemoFlags): Invocation {
  refuseForeignFlags(flags);
  const urls = {
    postgres: serverUrl('--postgres', flags.postgres, ['postgres:', 'postgresql:']),
    redis: serverUrl('--redis', flags.redis, ['redis:', 'rediss:']),
    mqtt: serverUrl('--mqtt', flags.mqtt, ['mqtt:', 'mqtts:', 'ws:', 'wss:']),
  };
  return { kind: 'demo', options: { input: inputOf(flags), urls }, json: flags.json === true };
}

/** Flags that belong to the other kind of input would be ignored: better said than done. */
function refuseForeignFlags(flags: DemoFlags): void {
  const ofReplay = ['ts', 'node', 'values', 'speed'] as const;
  const ofSimulation = ['nodes', 'seconds', 'seed'] as const;
  const wrong = (flags.replay === undefined ? ofReplay : ofSimulation).find(
    (flag) => flags[flag] !== undefined,
  );
  if (wrong === undefined) return;
  const why = flags.replay === undefined ? 'needs' : 'does not go with';
  throw new TypeError(`--${wrong} ${why} --replay`);
}

function inputOf(flags: DemoFlags): DemoOptions['input'] {
  if (flags.replay !== undefined) {
    const { ts = 'ts', node = 'node', values = 'values' } = flags;
    const fields = { ts, node, values };
    return { kind: 'replay', file: flags.replay, fields, speed: speedOf(flags.speed) };
  }
  return {
    kind: 'simulate',
    nodes: within('--nodes', flags.nodes, { min: 1, max: 100_000 }) ?? 200,
    seconds: within('--seconds', flags.seconds, { min: 1, max: 86_400 }) ?? 20,
    seed:
      within('--seed', flags.seed, { min: 0, max: 2 ** 31 - 1 }) ??
      Math.floor(systemRandom() * 2 ** 31),
  };
}

function speedOf(given: string | undefined): number | 'max' {
  if (given === undefined || given === 'max') return 'max';
  const factor = Number(given);
  if (factor > 0 && Number.isFinite(factor)) return factor;
  throw new TypeError(`--speed must be a number above 0, or max, got ${JSON.stringify(given)}`);
}

function within(
  flag: string,
  given: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const value = wholeNumber(flag, given);
  if (value === undefined || (value >= min && value <= max)) return value;
  throw new TypeError(`${flag} must be from ${min} to ${max}, got ${value}`);
}

/** The URL as it is. What is wrong with it is said without it: it may hold a password. */
function serverUrl(
  flag: string,
  given: string | undefined,
  protocols: readonly string[],
): string | undefined {
  if (given === undefined) return undefined;
  if (URL.canParse(given) && protocols.includes(new URL(given).protocol)) return given;
  throw new TypeError(
    `${flag} must be a URL that begins with ${protocols.map((one) => `${one}//`).join(' or ')}`,
  );
}
