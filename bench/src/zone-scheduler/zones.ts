import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { median } from '../median.ts';
import { bundle } from '../run-bundled.ts';

type Figures = Readonly<Record<string, number>>;
type Print = (line: object) => void;

const run = promisify(execFile);
const ROUNDS = 7;

/** Runs a program in a process of its own, where no other case has warmed up or filled anything. */
async function once(program: string, ...args: readonly string[]): Promise<Figures> {
  const { stdout } = await run(process.execPath, ['--expose-gc', program, ...args]);
  return JSON.parse(stdout) as Figures;
}

const round = (value: number): number => Number(value.toPrecision(3));

/** Medians and spreads of each figure. */
function summarise(rounds: readonly Figures[]): Record<string, object> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.map((figures) => figures[name] ?? NaN);
      const spread = [round(Math.min(...values)), round(Math.max(...values))];
      return [name, { median: round(median(values)), spread }];
    }),
  );
}

const medianOf = (rounds: readonly Figures[], name: string): number =>
  median(rounds.map((figures) => figures[name] ?? NaN));

/** What a zone costs beside its handler, with a timeout, against p-limit and p-queue with theirs. */
export async function measureOverhead(
  { smoke }: { readonly smoke: boolean },
  print: Print,
): Promise<void> {
  const program = await bundle(new URL('overhead-run.ts', import.meta.url));
  const zones = smoke ? 2_000 : 50_000;
  const cases = [
    ...(['ours', 'p-limit', 'p-queue', 'ours-signal'] as const),
    ...(['barest', 'barest-signal'] as const),
  ];
  const rounds: Record<(typeof cases)[number], Figures[]> = {
    ...{
      ours: [],
      'p-limit': [],
      'p-queue': [],
      'ours-signal': [],
      barest: [],
      'barest-signal': [],
    },
  };
  for (let n = 0; n < (smoke ? 1 : ROUNDS); n += 1) {
    for (const name of cases) rounds[name].push(await once(program, name, String(zones)));
  }

  const cpu = (name: (typeof cases)[number]): number => medianOf(rounds[name], 'cpuMicros');
  const absolute = (
    name: 'ours' | 'ours-signal',
    figure: string,
    target: number,
    of: string,
  ): void => {
    const ours = medianOf(rounds[name], figure);
    // Nothing can be below that on this machine: a loop over the same handler with a limit and deadlines, and no more.
    const floor = name === 'ours' ? 'barest' : 'barest-signal';
    print({
      name: 'zone-overhead',
      claim: `${of}, ${zones} zones`,
      ours: summarise(rounds[name])[figure],
      barest: summarise(rounds[floor])[figure],
      target,
      ok: ours <= target,
    });
  };
  absolute('ours', 'cpuMicros', 2, 'CPU microseconds a zone, with a timeout');
  absolute('ours-signal', 'cpuMicros', 5, 'CPU microseconds a zone whose signal is read');
  absolute('ours', 'heapMiB', 10, 'most heap above that of the start, MiB');
  for (const [peer, target] of [
    ['p-limit', 0.35],
    ['p-queue', 0.1],
  ] as const) {
    const ratio = cpu('ours') / cpu(peer);
    print({
      name: 'zone-overhead',
      claim: `CPU of a zone with a timeout, against ${peer} with one, ${zones} zones`,
      ours: summarise(rounds.ours),
      peer: summarise(rounds[peer]),
      ...{ ratio: round(ratio), target, ok: ratio <= target },
    });
  }
}

/** 50,000 zones of 120 ms at 500 at a time, on real timers. */
export async function measureRealTime(
  { smoke }: { readonly smoke: boolean },
  print: Print,
): Promise<void> {
  const program = await bundle(new URL('real-run.ts', import.meta.url));
  const zones = smoke ? 1_000 : 50_000;
  const ours: Figures[] = [];
  const peer: Figures[] = [];
  for (let n = 0; n < (smoke ? 1 : 3); n += 1) {
    ours.push(await once(program, 'ours', String(zones)));
    peer.push(await once(program, 'peer', String(zones)));
  }
  const seconds = medianOf(ours, 'seconds');
  // Ideal is 12 s for 50,000.
  const target = (12.6 * zones) / 50_000;
  print({
    name: 'zone-real-time',
    claim: `seconds for ${zones} zones of 120 ms at 500 at a time; the ideal is ${(12 * zones) / 50_000}`,
    ours: summarise(ours),
    peer: summarise(peer),
    ...{ ratio: round(seconds / medianOf(peer, 'seconds')), target, ok: seconds <= target },
  });
}

/** A million zone runs, of which a twentieth fails and another times out; and as a control some that leak. */
export async function measureSoak(
  { smoke }: { readonly smoke: boolean },
  print: Print,
): Promise<void> {
  const program = await bundle(new URL('soak-run.ts', import.meta.url));
  const soak = (cycles: number, ...leak: readonly string[]): Promise<Figures> =>
    once(program, '5000', String(cycles), ...leak);
  const { runs = 0, bytesPerRun = NaN } = await soak(smoke ? 10 : 200);
  const { bytesPerRun: leaking = NaN } = await soak(10, 'leak');
  // Of so few runs the engine's own growth is a byte or two each: then it is told only from an object a run.
  const target = smoke ? 8 : 0.5;
  print({
    name: 'zone-soak',
    claim: `bytes by which the heap grows with each zone run, over ${runs}`,
    ...{ ours: round(bytesPerRun), leaking: round(leaking), target },
    ok: bytesPerRun <= target && leaking > target,
  });
}
