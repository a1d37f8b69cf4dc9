import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface SizeResult {
  readonly name: string;
  readonly claim: string;
  /** Bytes, minified and gzipped. */
  readonly ours: number;
  /** The same of what comes nearest in the peer; null: the claim is about ours alone. */
  readonly peer: number | null;
  readonly ratio: number | null;
  readonly target: number;
  readonly ok: boolean;
}

const OURS = '@holdfast/circuit-breaker';
const root = fileURLToPath(new URL('../../..', import.meta.url));

const LOCAL_POLICIES = [
  'retry',
  'circuitBreaker',
  'consecutive',
  'countWindow',
  'timeWindow',
  'timeout',
  'fallback',
  'cachedFallback',
  'bulkhead',
  'rateLimiter',
  'hedge',
  'adaptiveThrottle',
  'retryBudget',
  'keyed',
  'pipeline',
];

export async function measureSizes(): Promise<readonly SizeResult[]> {
  const breaker = await sizeOf(`export { circuitBreaker } from '${OURS}'`);
  const all = await sizeOf(`export { ${LOCAL_POLICIES.join(', ')} } from '${OURS}'`);
  const peerBreaker = await sizeOf(
    "export { circuitBreaker, SamplingBreaker, handleAll } from 'cockatiel'",
  );
  const peerAll = await sizeOf("export * from 'cockatiel'");
  const result = (
    name: string,
    claim: string,
    sizes: [number, number],
    target: number,
  ): SizeResult => ({
    name,
    claim,
    ours: sizes[0],
    peer: sizes[1],
    ratio: Number((sizes[0] / sizes[1]).toPrecision(3)),
    target,
    ok: sizes[0] <= target,
  });
  return [
    result(
      'size-breaker',
      'bytes of the breaker alone, minified and gzipped',
      [breaker, peerBreaker],
      2_400,
    ),
    result('size-all', 'bytes of all local policies, minified and gzipped', [all, peerAll], 6_500),
  ];
}

/** Imported as a bundler for the web would: from the ES module, with what is not used shaken off. */
async function sizeOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: `${root}/bench` },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'node20',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*'],
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
}
