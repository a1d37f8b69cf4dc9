import type { LimitExplanation } from './controller.ts';
import type { ReportedLimit } from './cycle-report.ts';

export function reportLimit(explanation: LimitExplanation): ReportedLimit {
  const { limit, binding, feedForward, cap, noLoadMs, inflation } = explanation;
  return {
    limit,
    binding,
    feedForward: finiteOrNull(feedForward),
    cap: finiteOrNull(cap),
    noLoadMs: finiteOrNull(noLoadMs),
    inflation: finiteOrNull(inflation),
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
