import { raceAbort, seededRandom, systemClock } from '@holdfast/internal';
import type { Logger } from 'pino';
import type { System } from '../system/create-system.ts';
import { settlesWithin } from '../system/settles-within.ts';
import { assemble } from './assembly.ts';
import { audit, type Audit } from './audit.ts';
import { createCleanupStack } from './cleanup-stack.ts';
import type { DemoInput, DemoOptions, SimulateOptions } from './demo-options.ts';
import type { DeviceMessage, DeviceSource } from './device-message.ts';
import { drain } from './drain.ts';
import { injectFaults, type FaultCounts } from './faults.ts';
import type { Expectations } from './expectations.ts';
import { Ledger } from './ledger.ts';
import { publishAll } from './publisher.ts';
import { openReplay, type BadLine } from './replay-file.ts';
import type { LedgerReport } from './report.ts';
import { simulateNodes } from './simulator.ts';

export interface DemoProgress {
  phase(text: string): void;
  update(fraction: number, ledger: Ledger): void;
  badLine(bad: BadLine): void;
}

export interface DemoSurroundings {
  readonly progress: DemoProgress;
  readonly log: Logger;
  /** Stops the devices; the system then drains, and the ledger is complete all the same. */
  readonly interrupt: AbortSignal;
  /** Aborts some time after it: the ledger is to be given now, with what is known. */
  readonly lastCall: AbortSignal;
  /** Gets the ledger as soon as it is there, before the servers are stopped. */
  readonly onLedger: (report: LedgerReport) => void;
}

const NODES_PER_ZONE = 5;
const PROGRESS_EVERY_MS = 100;
const BAD_LINE_SAMPLES = 20;

/**
 * Runs the whole system on simulated or recorded devices and holds the result against the database.
 *
 * @throws {BadInputError} when the recording cannot be read.
 * @throws {OperatorError} when a server does not answer or is not fit.
 */
export async function runDemo(
  options: DemoOptions,
  { progress, log, interrupt, lastCall, onLedger }: DemoSurroundings,
): Promise<void> {
  const startedAt = systemClock.now();
  const cleanups = createCleanupStack();
  const badLines = collectBadLines(progress);
  const faults = noFaults();
  try {
    // The input first: a mistake there should not cost the start of three servers.
    const source = await openSource(options.input, (bad) => badLines.add(bad), faults);
    progress.phase('starting the servers');
    const { pool, system, devices, root } = await assemble(options, log, cleanups);

    const ledger = new Ledger();
    const counts = follow(system, ledger);
    if (!interrupt.aborted) progress.phase('running');
    const stopReporting = reportRegularly(() => progress.update(source.progress(), ledger));
    try {
      await publishAll({ source, clients: devices, root, ledger, signal: interrupt });
      await drain(ledger, interrupt);
    } finally {
      stopReporting();
    }
    await closeInTime(system, interrupt, log);

    progress.phase('auditing');
    const audited = raceAbort(audit(pool, ledger.expectations), lastCall);
    const found = await orNothing(audited, ledger.expectations, log);
    const { stored, duplicate } = system.writers.samples.snapshot();
    onLedger({
      messages: ledger.acknowledged,
      values: ledger.values,
      ...found,
      stored,
      duplicate,
      rejected: sum(counts.rejectedByReason),
      rejectedByReason: Object.fromEntries(counts.rejectedByReason),
      unsettled: ledger.unsettled,
      latencyMs: ledger.latency() ?? null,
      zoneCycles: counts.zoneCycles,
      zoneCommands: counts.zoneCommands,
      badLines: badLines.count(),
      badLineSamples: badLines.samples,
      faults: options.input.kind === 'simulate' ? faults : null,
      seed: options.input.kind === 'simulate' ? options.input.seed : null,
      interrupted: interrupt.aborted,
      seconds: Math.round((systemClock.now() - startedAt) / 100) / 10,
      servers: describeServers(options.urls),
    });
  } finally {
    await cleanups.run((error) => log.warn({ err: error }, 'could not clean up'));
  }
}

/** What cannot be looked at counts as lost: the ledger claims nothing that it has not seen. */
async function orNothing(
  audited: Promise<Audit>,
  expected: Expectations,
  log: Logger,
): Promise<Audit> {
  try {
    return await audited;
  } catch (error) {
    log.error({ err: error }, 'the database cannot be audited: everything counts as lost');
    const lost = [...expected.series()].reduce((sum, { values }) => sum + values.size, 0);
    return { nodes: 0, series: 0, lost, stale: expected.seriesCount };
  }
}

/** Interrupted, the ledger must still be printed: it says what a system that cannot close has not settled. */
const INTERRUPTED_CLOSE_MS = 1_500;

async function closeInTime(system: System, interrupt: AbortSignal, log: Logger): Promise<void> {
  const closing = system.close();
  if (!interrupt.aborted) return closing;
  const isClosed = await settlesWithin(closing, INTERRUPTED_CLOSE_MS);
  if (!isClosed) log.warn('the system did not close in time');
}

async function openSource(
  input: DemoInput,
  onBadLine: (bad: BadLine) => void,
  faults: FaultCounts,
): Promise<DeviceSource> {
  if (input.kind === 'replay') return openReplay(input, onBadLine);
  return simulate(input, faults);
}

function simulate({ nodes, seconds, seed }: SimulateOptions, faults: FaultCounts): DeviceSource {
  const zones = Math.ceil(nodes / NODES_PER_ZONE);
  const startMicros = systemClock.wallNow() * 1000;
  // Two sequences of one seed: what the devices measure does not depend on the faults.
  const healthy = simulateNodes({ nodes, zones, seconds, startMicros, random: seededRandom(seed) });
  const faulty = injectFaults(healthy, seededRandom(seed + 1), faults);
  let atMs = 0;
  function* messages(): Generator<DeviceMessage> {
    for (const message of faulty) {
      atMs = message.atMs;
      yield message;
    }
  }
  return { messages: messages(), progress: () => Math.min(1, atMs / (seconds * 1000)) };
}

interface Counts {
  readonly rejectedByReason: Map<string, number>;
  zoneCycles: number;
  zoneCommands: number;
}

/** Tells the ledger what the system does, and counts what only its events say. */
function follow(system: System, ledger: Ledger): Counts {
  const counts: Counts = { rejectedByReason: new Map(), zoneCycles: 0, zoneCommands: 0 };
  const reject = (reason: string, count: number): void => {
    counts.rejectedByReason.set(reason, (counts.rejectedByReason.get(reason) ?? 0) + count);
  };
  system.intake.on('accepted', () => ledger.accepted());
  system.intake.on('refused', () => ledger.accepted());
  system.ingest.on('settled', ({ uid, seq }) => ledger.settled(uid, seq));
  system.ingest.on('rejected', ({ reason }) => reject(reason, 1));
  system.writers.samples.on('rejected', ({ rows }) => reject('refused-by-database', rows.length));
  system.scheduler.on('cycle', () => {
    counts.zoneCycles += 1;
  });
  system.zoneControl.on('command', () => {
    counts.zoneCommands += 1;
  });
  return counts;
}

function collectBadLines(progress: DemoProgress): {
  readonly samples: BadLine[];
  add(bad: BadLine): void;
  count(): number;
} {
  const samples: BadLine[] = [];
  let count = 0;
  return {
    samples,
    add(bad) {
      count += 1;
      if (samples.length < BAD_LINE_SAMPLES) samples.push(bad);
      progress.badLine(bad);
    },
    count: () => count,
  };
}

function reportRegularly(report: () => void): () => void {
  let timer = systemClock.setTimer(tick, PROGRESS_EVERY_MS, { background: true });
  function tick(): void {
    report();
    timer = systemClock.setTimer(tick, PROGRESS_EVERY_MS, { background: true });
  }
  return () => timer.cancel();
}

function noFaults(): FaultCounts {
  return { duplicates: 0, disordered: 0, gaps: 0, notANumber: 0, outages: 0, backlogged: 0 };
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function describeServers(urls: DemoOptions['urls']): LedgerReport['servers'] {
  return {
    postgres: urls.postgres === undefined ? 'embedded' : 'external',
    queue: urls.redis === undefined ? 'embedded SQLite' : 'Redis',
    mqtt: urls.mqtt === undefined ? 'embedded' : 'external',
  };
}
