import type { Policy, PolicySnapshot } from './policy.ts';

interface Rule {
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  /** Why the inner one cannot be meant to stand inside the outer one. */
  readonly why: string;
}

const FALLBACKS = ['fallback', 'cached-fallback'];

const RULES: readonly Rule[] = [
  {
    outer: ['retry', 'hedge'],
    inner: FALLBACKS,
    why: 'it answers every failure, so nothing is ever tried again: put it outside',
  },
  {
    outer: ['circuit-breaker', 'adaptive-throttle'],
    inner: FALLBACKS,
    why: 'it hides every failure from it: put it outside',
  },
  { outer: ['retry'], inner: ['retry'], why: 'the attempts of layers of retries multiply' },
  {
    outer: ['bulkhead'],
    inner: ['retry'],
    why: 'a place is held while a back-off sleeps: put the bulkhead inside',
  },
  {
    outer: ['rate-limiter'],
    inner: ['retry', 'hedge'],
    why: 'further attempts go past the limit: put the rate limiter inside',
  },
];

/** One sentence for each pair, outer before inner, that cannot be meant. Pipelines inside count as their policies. */
export function lintOrder(policies: readonly Policy<unknown>[]): readonly string[] {
  const findings = policies
    .filter((policy, index) => policies.indexOf(policy) !== index)
    .map((policy) => `"${policy.name}" stands in the pipeline twice: a call would enter it twice`);
  const flat = policies.flatMap((policy) => flatten(policy.snapshot()));
  for (const [index, outer] of flat.entries()) {
    for (const inner of flat.slice(index + 1)) {
      for (const rule of RULES) {
        if (rule.outer.includes(outer.kind) && rule.inner.includes(inner.kind)) {
          findings.push(
            `${inner.kind} "${inner.name}" stands inside ${outer.kind} "${outer.name}": ${rule.why}`,
          );
        }
      }
    }
  }
  return findings;
}

function flatten(snapshot: PolicySnapshot): readonly PolicySnapshot[] {
  const { policies } = snapshot as { readonly policies?: readonly PolicySnapshot[] };
  return policies === undefined ? [snapshot] : policies.flatMap(flatten);
}
