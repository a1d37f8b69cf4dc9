import { createHash } from 'node:crypto';
import type { Send } from './redis-client.ts';

/** Runs one script by its hash, and by its text when the server does not know it (yet, or after a restart). */
export class Script {
  readonly #text: string;
  readonly #hash: string;

  constructor(text: string) {
    this.#text = text;
    this.#hash = createHash('sha1').update(text).digest('hex');
  }

  async run(
    send: Send,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await send('EVALSHA', this.#hash, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return send('EVAL', this.#text, keys.length, ...keys, ...args);
    }
  }
}

/** KEYS: journal. ARGV: how long it lives without a write, milliseconds. `pcall`: see `WRITE`. */
export const OPEN: Script = new Script(`
local reply = redis.pcall('HSET', KEYS[1], 'open', 1)
if type(reply) == 'table' and reply.err then return reply end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

/** How the reply of a write begins that came after its journal was closed, evicted or expired. */
export const FENCED = 'FENCED';

/**
 * KEYS: journal, then the command's. ARGV: slot, id, the journal's new life in milliseconds or 0, command, its
 * arguments.
 *
 * The command comes before the note about it: one that fails is not noted as done, and the server refuses a script for
 * want of memory only before its first change. `pcall`, because before Redis 7 `call` hides the error's code.
 */
export const WRITE: Script = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('${FENCED} the journal of this connection is gone')
end
local command = { ARGV[4] }
for i = 2, #KEYS do command[#command + 1] = KEYS[i] end
for i = 5, #ARGV do command[#command + 1] = ARGV[i] end
local reply = redis.pcall(unpack(command))
if type(reply) == 'table' and reply.err then return reply end
local result = '1'
if type(reply) == 'number' then result = string.format('%.0f', reply) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. result)
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return result`);

/**
 * KEYS: journal, what it is renamed to. ARGV: how long that lives, milliseconds, then slots. Returns what the slots
 * hold, or nil when the journal is lost. May be asked again when its answer was lost.
 *
 * It begins with a change, that is nothing yet, so that a server which may not write refuses it: a replica without the
 * journal would otherwise say that the journal is lost. `pcall`: see `WRITE`.
 */
export const FENCE: Script = new Script(`
local reply = redis.pcall('PEXPIRE', KEYS[2], ARGV[1])
if type(reply) == 'table' and reply.err then return reply end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
if redis.call('EXISTS', KEYS[2]) == 0 then return false end
if #ARGV == 1 then return {} end
return redis.call('HMGET', KEYS[2], unpack(ARGV, 2))`);
