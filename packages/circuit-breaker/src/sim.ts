export { formatReport } from './sim/format-report.ts';
export type {
  BackendOptions,
  LayerOptions,
  OutageOptions,
  PolicyFactory,
  SimulationOptions,
} from './sim/options.ts';
export type { SimulationReport, TimelineEntry } from './sim/report.ts';
export { simulateOutage } from './sim/simulate-outage.ts';
