import type { FoundServer, ServerKind } from './server-kind.ts';

/** One way to come by a server. */
export interface ServerWay {
  /** For people, for example `a URL in HOLDFAST_TEST_REDIS_URL`. */
  readonly name: string;
  /** Resolves with the server, or with the reason why this way leads nowhere here. Rejects when trying another way would hide a mistake. */
  open(): Promise<FoundServer | string>;
}

/**
 * Takes the first way that leads to a server; each is tried only when all before it led nowhere. `skipped` is told of a
 * way that leads nowhere.
 *
 * @throws when no way leads to a server: one error that names all of them with their reasons.
 */
export async function chooseServer(
  kind: ServerKind,
  ways: readonly ServerWay[],
  skipped: (way: ServerWay, reason: string) => void,
): Promise<FoundServer> {
  const reasons: string[] = [];
  for (const way of ways) {
    const result = await way.open();
    if (typeof result !== 'string') return result;
    reasons.push(`  - ${way.name}: ${result}`);
    skipped(way, result);
  }
  throw new Error(`no ${kind} server for the tests. Tried:\n${reasons.join('\n')}`);
}
