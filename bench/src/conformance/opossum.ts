import {
  NotApplicable,
  type BreakerSpec,
  type BreakerUnderTest,
  type Library,
  type WorkUnderTest,
} from '@holdfast/testkit';
import CircuitBreaker from 'opossum';
import { installVirtualTime } from './virtual-time.ts';

/** Each call gives the work as the argument: one circuit for all of them, as with the other libraries. */
type Circuit = CircuitBreaker;

/** opossum 9, with the options that come nearest to what each row asks for. */
export const opossumLibrary: Library = {
  name: 'opossum',
  open() {
    const { clock, uninstall } = installVirtualTime();
    const circuits: Circuit[] = [];
    const create = (options: CircuitBreaker.Options): Circuit => {
      const circuit = new CircuitBreaker(
        (work, signal) => (work as WorkUnderTest)(signal as AbortSignal) as Promise<unknown>,
        options,
      );
      circuits.push(circuit);
      return circuit;
    };
    const never = { volumeThreshold: 1e9, timeout: false } as const;
    return {
      clock,
      breaker: (spec, saved) => breakerOf(spec, saved, create),
      timeout: (ms, events) => {
        const circuit = create({ ...never, timeout: ms });
        if (events !== undefined) circuit.on('timeout', events.onTimeout);
        return (fn, signal) => circuit.fire(fn, signal ?? new AbortController().signal);
      },
      fallback: (alternative) => {
        const circuit = create(never);
        circuit.fallback((_work, _signal, error) => alternative(error));
        return (fn, signal) => circuit.fire(fn, signal ?? new AbortController().signal);
      },
      close: () => {
        for (const circuit of circuits) circuit.shutdown();
        uninstall();
      },
    };
  },
};

function breakerOf(
  spec: BreakerSpec,
  saved: unknown,
  create: (options: CircuitBreaker.Options) => Circuit,
): BreakerUnderTest {
  const { ignores, openMs = 60, growth = 1, slow, probes = 1, isShadow, failsOn } = spec;
  if (slow !== undefined) throw new NotApplicable('slow calls');
  if (probes !== 1) throw new NotApplicable('more than one probe');
  if (isShadow === true) throw new NotApplicable('shadow mode');
  if (growth !== 1) throw new NotApplicable('growing waits');
  if (failsOn !== undefined) throw new NotApplicable('values that are failures');
  const circuit = create({
    timeout: false,
    errorThresholdPercentage: 50,
    volumeThreshold: 4,
    rollingCountTimeout: 10_000,
    resetTimeout: openMs,
    ...(ignores === undefined ? {} : { errorFilter: (error: unknown) => ignores(error) }),
    ...(saved as CircuitBreaker.Options | undefined),
  });
  let openings = 0;
  circuit.on('open', () => (openings += 1));
  return {
    execute: (fn, signal) => circuit.fire(fn, signal ?? new AbortController().signal),
    get state() {
      return circuit.halfOpen ? 'half-open' : circuit.opened ? 'open' : 'closed';
    },
    get openings() {
      return openings;
    },
    isRejection: (error) => (error as { code?: string }).code === 'EOPENBREAKER',
    retryAfterMs: () => undefined,
    onSuccess: (listener) => void circuit.on('success', listener),
    save: () => {
      const { state, status } = circuit.toJSON() as unknown as { state: object; status: object };
      return JSON.parse(JSON.stringify({ state, status })) as unknown;
    },
    isolate: () => {
      const wasOpen = circuit.opened;
      circuit.open();
      // It has no hold to release: what a user can do is to close it.
      return () => {
        if (!wasOpen) circuit.close();
      };
    },
  };
}
