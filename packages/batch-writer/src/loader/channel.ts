import { requireText } from '@holdfast/internal';

/**
 * The name of a channel: LISTEN would cut a longer one short, and `pg_notify` refuse it (PostgreSQL manual, NOTIFY).
 *
 * @throws {TypeError | RangeError}
 */
export function requireChannel(option: string, name: unknown): string {
  const channel = requireText(option, name);
  if (channel.includes('\u0000') || Buffer.byteLength(channel) > 63) {
    throw new RangeError(
      `${option} must have at most 63 bytes and no NUL, got ${JSON.stringify(channel)}`,
    );
  }
  return channel;
}
