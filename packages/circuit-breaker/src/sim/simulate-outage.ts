import { onAbort, seededRandom, type Random } from '@holdfast/internal';
import type { Policy } from '../policy.ts';
import { resolveSimulation, type ResolvedSimulation, type SimulationOptions } from './options.ts';
import { Recorder, type SimulationReport } from './report.ts';
import { SimulatedTime } from './simulated-time.ts';

/**
 * Simulates an outage of a backend behind layers of services: what your policies make of it, before production does.
 * The policies are the real ones, on a clock that jumps from event to event; the network between layers is perfect, and
 * an error loses its identity on it, as it would. Takes some seconds for 1 000 clients and minutes of simulated time.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export async function simulateOutage(options: SimulationOptions): Promise<SimulationReport> {
  const simulation = resolveSimulation(options);
  const time = new SimulatedTime();
  const random = seededRandom(simulation.seed);
  const recorder = new Recorder(simulation.endMs);
  const callBackend = createBackend(simulation, { time, random, recorder });
  const layers = simulation.layers.map(({ instances, policy }) =>
    Array.from({ length: instances }, (_, instance) => policy({ clock: time, random }, instance)),
  );

  const startClient = (client: number): void => {
    const everyMs = 1_000 / simulation.requestsPerSecond;
    const request = (): void => {
      recorder.count('offered', time.now());
      callLayer(layers, client, callBackend).then(
        () => recorder.count('succeeded', time.now()),
        () => undefined,
      );
      time.setTimer(request, everyMs);
    };
    time.setTimer(request, random() * everyMs);
  };
  for (let client = 0; client < simulation.clients; client += 1) startClient(client);
  await time.runUntil(simulation.endMs);
  return recorder.report(simulation);
}

type CallBackend = (signal: AbortSignal | undefined) => Promise<void>;

/** Each request of a client takes the same way: process number `client` of each layer, modulo their count. */
async function callLayer(
  [outermost, ...inner]: readonly (readonly Policy<unknown>[])[],
  client: number,
  callBackend: CallBackend,
  signal?: AbortSignal,
): Promise<void> {
  if (outermost === undefined) return callBackend(signal);
  const policy = outermost[client % outermost.length];
  const outcome = await policy?.tryExecute(
    (context) => callLayer(inner, client, callBackend, context.signal),
    { signal, idempotent: true },
  );
  // Not the error itself: what a service answers is a status, and no error object crosses a network.
  if (outcome?.ok === false) throw new Error('the layer below has failed');
}

function createBackend(
  { outage, latencyMs, capacityPerSecond }: ResolvedSimulation,
  tools: { readonly time: SimulatedTime; readonly random: Random; readonly recorder: Recorder },
): CallBackend {
  const { time, random, recorder } = tools;
  let second = 0;
  let answered = 0;
  return (signal) =>
    new Promise((resolve, reject) => {
      const nowMs = time.now();
      recorder.count('load', nowMs);
      if (Math.floor(nowMs / 1_000) !== second) [second, answered] = [Math.floor(nowMs / 1_000), 0];
      answered += 1;
      const isDown = nowMs >= outage.startMs && nowMs < outage.endMs;
      const isOverloaded = answered > capacityPerSecond;
      const off = onAbort(signal, (reason) => {
        timer?.cancel();
        reject(reason);
      });
      const settle = (): void => {
        off();
        if (isDown || isOverloaded) reject(new Error('the backend is down'));
        else resolve();
      };
      const timer =
        isDown && outage.kind === 'hangs'
          ? undefined
          : time.setTimer(settle, latencyMs * (0.5 + random()));
    });
}
