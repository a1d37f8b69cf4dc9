import { need, type BreakerSpec, type BreakerUnderTest, type Session } from './library.ts';
import { fail, observe, settle, settledWithin } from './row.ts';

export const OPEN_MS = 60;

export function create(
  session: Session,
  spec: BreakerSpec = {},
  saved?: unknown,
): BreakerUnderTest {
  return need(session.breaker?.bind(session))(spec, saved);
}

export async function failTimes(
  session: Session,
  breaker: BreakerUnderTest,
  times: number,
): Promise<void> {
  for (let n = 0; n < times; n += 1) await settle(session, breaker.execute(fail));
}

export async function opened(session: Session, spec: BreakerSpec = {}): Promise<BreakerUnderTest> {
  const breaker = create(session, spec);
  await failTimes(session, breaker, 4);
  return breaker;
}

export async function halfOpened(
  session: Session,
  spec: BreakerSpec = {},
): Promise<BreakerUnderTest> {
  const breaker = await opened(session, spec);
  await session.clock.advance(spec.openMs ?? OPEN_MS);
  return breaker;
}

/** Whether a call gets through now. */
export async function passes(session: Session, breaker: BreakerUnderTest): Promise<boolean> {
  let isCalled = false;
  await settledWithin(session, observe(breaker.execute(() => (isCalled = true))), 0);
  return isCalled;
}

class NotFound extends Error {}
export const notFound = (): Promise<never> => Promise.reject(new NotFound('not found'));
export const ignores = (error: unknown): boolean => error instanceof NotFound;

export function deferred(): {
  promise: Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: unknown) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
