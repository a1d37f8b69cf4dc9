export { judge, type Judgement } from './sim/judge.ts';
export { plotRun } from './sim/plot.ts';
export { readScenario } from './sim/read-scenario.ts';
export type { DownstreamOptions, Expectation, Scenario, ScenarioStep } from './sim/scenario.ts';
export type { ServiceOptions } from './sim/service-time.ts';
export { simulate, type SimulateOptions, type SimulationRun } from './sim/simulate.ts';
export { statisticOf, type CycleRow, type StatisticName } from './sim/statistics.ts';
export { createVirtualClock, type VirtualClock } from './sim/virtual-clock.ts';
