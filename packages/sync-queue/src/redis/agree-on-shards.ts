import { StoreFailedError, StoreShardsDifferError } from '../errors.ts';
import { agreementKeys, SHARDS_FIELD, stateKey, type RedisPlace } from './keys.ts';
import { redisFailure, Script, type RedisLike } from './run-script.ts';

/**
 * The number of shards, written into each of them, where every call of a process with another number is refused. A queue
 * that holds nothing takes on the number of a process that starts, in three rounds: look, close each shard to everybody,
 * open it to the new number. So whenever one number is let into some shard, no other one is let into any.
 *
 * A round ends with shard 0, where each attempt has got a higher epoch than those before; a shard that knows a higher one
 * refuses the attempt, so that of two the later wins. What one leaves half done refuses calls until somebody agrees again.
 */
export class ShardAgreement {
  readonly #client: RedisLike;
  readonly #place: Pick<RedisPlace, 'prefix' | 'name'>;
  readonly #shards: number;
  #hasAgreed = false;
  /** The highest that a shard has refused this process with. */
  #epochSeen = 0;

  constructor(
    client: RedisLike,
    { prefix, name }: Pick<RedisPlace, 'prefix' | 'name'>,
    shards: number,
  ) {
    this.#client = client;
    this.#place = { prefix, name };
    this.#shards = shards;
  }

  /**
   * @throws {StoreShardsDifferError} when the queue holds something in another number of shards, or has taken on another
   *   one since this process has agreed.
   * @throws {StoreFailedError} also when another process is taking the queue over.
   */
  async agree(): Promise<void> {
    if (!(await this.#isWrittenDown())) await this.#writeDown();
    this.#hasAgreed = true;
  }

  async #isWrittenDown(): Promise<boolean> {
    const shards = Array.from({ length: this.#shards }, (_, shard) => shard);
    const reads = shards.map((shard) =>
      this.#client.callBuffer('HGET', stateKey({ ...this.#place, shard }), SHARDS_FIELD),
    );
    try {
      const texts = (await Promise.all(reads)) as (Buffer | null)[];
      return texts.every((text) => (text?.toString() ?? UNWRITTEN) === String(this.#shards));
    } catch (error) {
      throw redisFailure(error);
    }
  }

  async #writeDown(): Promise<void> {
    const first = { keys: [stateKey({ ...this.#place, shard: 0 })] };
    const begun = await BEGIN.run(this.#client, {
      ...first,
      args: [this.#shards, this.#epochSeen],
    });
    const [epoch, text] = begun as [number, Buffer | null];
    const recorded = shardsOf(text);
    const isSettled = text !== null && String(text) === String(recorded);
    if (this.#hasAgreed && isSettled && recorded !== this.#shards) throw this.#differs(recorded);
    for (const written of ['', `${this.#shards}${INCOMING}`, `${this.#shards}`]) {
      for (let shard = Math.max(recorded, this.#shards) - 1; shard >= 0; shard -= 1) {
        await this.#adopt(shard, epoch, written);
      }
    }
  }

  async #adopt(shard: number, epoch: number, written: string): Promise<void> {
    const keys = agreementKeys({ ...this.#place, shard });
    const answer = await ADOPT.run(this.#client, { keys, args: [this.#shards, epoch, written] });
    if (answer === null) return;
    if (Buffer.isBuffer(answer)) throw this.#differs(shardsOf(answer));
    this.#epochSeen = Number(answer);
    const why = `another process is taking queue ${this.#place.name} over`;
    throw new StoreFailedError('not-applied', new Error(why));
  }

  #differs(recorded: number): StoreShardsDifferError {
    return new StoreShardsDifferError(this.#place.name, recorded, this.#shards);
  }
}

/** The number that is written down, also while a queue is being taken over for it. */
export function shardsOf(text: Buffer | null): number {
  return Number.parseInt(String(text ?? UNWRITTEN), 10);
}

/** Whether a shard has refused the call because of the number. */
export function isRefusedByShard(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.startsWith('SHARDS ')) return true;
  }
  return false;
}

/** What a shard that tells no number is taken for; a queue with one shard writes none down. */
const UNWRITTEN = '1';
/** Behind the number of a shard that is closed to everybody. */
const INCOMING = ' incoming';

/**
 * KEYS: the state of shard 0. ARGV: the number, an epoch that is too low. Returns the epoch, which all attempts at the same
 * number share, and what is written down. The time keeps it growing when the server has lost the last one.
 */
const BEGIN = new Script(`
local state = redis.call('HMGET', KEYS[1], '${SHARDS_FIELD}', 'to', 'ep')
local epoch, tooLow = tonumber(state[3] or 0), tonumber(ARGV[2])
if state[2] ~= ARGV[1] or epoch <= tooLow then
  local time = redis.call('TIME')
  epoch = math.max(epoch + 1, tooLow + 1, time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('HSET', KEYS[1], 'to', ARGV[1], 'ep', string.format('%.0f', epoch))
end
return { epoch, state[1] }`);

/**
 * KEYS: state, knownUntil, stopped. ARGV: the number, the epoch, what to write (nothing: only look). Returns a higher epoch
 * that the shard knows, or the other number that it keeps to because it holds something.
 */
const ADOPT = new Script(`
local state = redis.call('HMGET', KEYS[1], '${SHARDS_FIELD}', 'ep', 'n', 'dn', 'p', 'pp', 'tat')
local epoch = tonumber(state[2] or 0)
if epoch > tonumber(ARGV[2]) then return epoch end
local recorded, written = state[1] or '${UNWRITTEN}', ARGV[3]
if recorded == ARGV[1] then
  written = written ~= '' and recorded or written
else
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local holdsItems = tonumber(state[3] or 0) + tonumber(state[4] or 0) > 0
  local isPaused = state[5] == '1' or (state[6] or '') ~= '' or redis.call('HLEN', KEYS[3]) > 0
  local knowsKeys = redis.call('ZCOUNT', KEYS[2], '(' .. now, '+inf') > 0
  local isThrottled = tonumber(state[7] or 0) > now
  if holdsItems or isPaused or knowsKeys or isThrottled then return recorded end
end
if written ~= '' then redis.call('HSET', KEYS[1], '${SHARDS_FIELD}', written, 'ep', ARGV[2]) end
return false`);
