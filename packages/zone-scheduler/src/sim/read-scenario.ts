import {
  requireBoolean,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptionGroup,
  requireText,
  type OptionNames,
} from '@holdfast/internal';
import { requireAboveZero } from '../require-above-zero.ts';
import { createServiceTime } from './service-time.ts';
import type { DownstreamOptions, Expectation, Scenario, ScenarioStep } from './scenario.ts';
import { STATISTICS } from './statistics.ts';

const NAMES: OptionNames<Scenario> = {
  name: true,
  about: true,
  zones: true,
  cycles: true,
  cycleMs: true,
  timeoutMs: true,
  instances: true,
  isWarm: true,
  service: true,
  downstream: true,
  steps: true,
  expect: true,
};
const SERVERS = { model: true, servers: true, thrash: true, acquireTimeoutMs: true } as const;
const USL = { model: true, contention: true, coherency: true } as const;
const STEP_OF_USL: OptionNames<Omit<ScenarioStep, 'servers'>> = {
  cycle: true,
  zones: true,
  serviceFactor: true,
  hungShare: true,
  state: true,
  stallMs: true,
  wallStepMs: true,
};
const STEP_OF_SERVERS: OptionNames<ScenarioStep> = { ...STEP_OF_USL, servers: true };
const EXPECTATION: OptionNames<Expectation> = {
  stat: true,
  from: true,
  to: true,
  mean: true,
  each: true,
};
const STATES = ['serves', 'refuses', 'hangs'] as const;
const AT_LEAST_0 = { min: 0 };
const AT_LEAST_1 = { min: 1 };

type Unchecked<T> = Partial<Record<T extends unknown ? keyof T : never, unknown>>;

/**
 * Checks a scenario, from a file or from code.
 *
 * @throws {TypeError | RangeError} naming the field, the rule and the value.
 */
export function readScenario(given: unknown): Scenario {
  const scenario = requireOptionGroup<Unchecked<Scenario>>('scenario', given as object, NAMES);
  requireText('name', scenario.name);
  requireText('about', scenario.about);
  requireInteger('zones', scenario.zones, AT_LEAST_1);
  const cycles = requireInteger('cycles', scenario.cycles, AT_LEAST_1);
  optional(scenario.cycleMs, (value) => requireInteger('cycleMs', value, { min: 100 }));
  optional(scenario.timeoutMs, (value) => requireInteger('timeoutMs', value, AT_LEAST_1));
  optional(scenario.instances, (value) => requireInteger('instances', value, AT_LEAST_1));
  optional(scenario.isWarm, (value) => requireBoolean('isWarm', value));
  createServiceTime(scenario.service as Scenario['service']);
  const model = checkDownstream(scenario.downstream as DownstreamOptions);
  optional(scenario.steps, (value) => {
    for (const [n, step] of listOf('steps', value).entries()) {
      checkStep(`steps[${n}]`, step, { cycles, model });
    }
  });
  for (const [n, expectation] of listOf('expect', scenario.expect).entries()) {
    checkExpectation(`expect[${n}]`, expectation, cycles);
  }
  return scenario as unknown as Scenario;
}

function checkDownstream(given: DownstreamOptions): DownstreamOptions['model'] {
  const path = 'downstream';
  const any = { ...SERVERS, ...USL };
  const group = requireOptionGroup<Unchecked<DownstreamOptions>>(path, given, any);
  const model = requireOneOf(`${path}.model`, group.model, ['servers', 'usl']);
  if (model === 'servers') {
    const servers = requireOptionGroup<Unchecked<typeof SERVERS>>(path, given, SERVERS);
    requireInteger(`${path}.servers`, servers.servers, AT_LEAST_1);
    optional(servers.thrash, (value) => requireNumber(`${path}.thrash`, value, AT_LEAST_0));
    optional(servers.acquireTimeoutMs, (value) =>
      requireNumber(`${path}.acquireTimeoutMs`, value, AT_LEAST_1),
    );
  } else {
    const usl = requireOptionGroup<Unchecked<typeof USL>>(path, given, USL);
    requireNumber(`${path}.contention`, usl.contention, { min: 0, max: 1 });
    requireNumber(`${path}.coherency`, usl.coherency, { min: 0, max: 1 });
  }
  return model;
}

function checkStep(
  path: string,
  given: unknown,
  { cycles, model }: { readonly cycles: number; readonly model: DownstreamOptions['model'] },
): void {
  const names = model === 'servers' ? STEP_OF_SERVERS : STEP_OF_USL;
  const step = requireOptionGroup(path, given as object, names) as Unchecked<ScenarioStep>;
  const cycle = requireNumber(`${path}.cycle`, step.cycle, AT_LEAST_1);
  // The last one goes on until the next would begin.
  if (cycle >= cycles + 1)
    throw new RangeError(`${path}.cycle must be within the ${cycles} cycles, got ${cycle}`);
  optional(step.zones, (value) => requireInteger(`${path}.zones`, value, AT_LEAST_1));
  optional(step.servers, (value) => requireInteger(`${path}.servers`, value, AT_LEAST_1));
  optional(step.serviceFactor, (value) => requireAboveZero(`${path}.serviceFactor`, value));
  optional(step.hungShare, (value) =>
    requireNumber(`${path}.hungShare`, value, { min: 0, max: 1 }),
  );
  optional(step.state, (value) => requireOneOf(`${path}.state`, value, STATES));
  optional(step.stallMs, (value) => requireInteger(`${path}.stallMs`, value, AT_LEAST_1));
  optional(step.wallStepMs, (value) => requireInteger(`${path}.wallStepMs`, value));
}

function checkExpectation(path: string, given: unknown, cycles: number): void {
  const expectation = requireOptionGroup<Unchecked<Expectation>>(
    path,
    given as object,
    EXPECTATION,
  );
  requireOneOf(`${path}.stat`, expectation.stat, STATISTICS);
  const { from = 1, to = cycles, mean, each } = expectation;
  const first = requireInteger(`${path}.from`, from, { min: 1, max: cycles });
  requireInteger(`${path}.to`, to, { min: first, max: cycles });
  if (mean === undefined && each === undefined) throw new TypeError(`${path} has no range`);
  optional(mean, (value) => checkRange(`${path}.mean`, value));
  optional(each, (value) => checkRange(`${path}.each`, value));
}

function checkRange(path: string, value: unknown): void {
  const rule = '[least, greatest], two numbers';
  const range = requireArray(path, value, rule);
  if (range.length !== 2) {
    throw new TypeError(`${path} must be ${rule}, got ${range.length} of them`);
  }
  const least = requireNumber(`${path}[0]`, range[0]);
  requireNumber(`${path}[1]`, range[1], { min: least });
}

function listOf(path: string, value: unknown): readonly unknown[] {
  return requireArray(path, value, 'an array, which may be empty');
}

function requireArray(path: string, value: unknown, rule: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const got = typeof value === 'object' && value !== null ? 'an object' : String(value);
  throw new TypeError(`${path} must be ${rule}, got ${got}`);
}

function optional(value: unknown, check: (value: unknown) => void): void {
  if (value !== undefined) check(value);
}
