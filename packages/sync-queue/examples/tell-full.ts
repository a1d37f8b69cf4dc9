import { isHoldfastError, type Queue } from '@holdfast/sync-queue';

/** Adds it, or says why there is no room for it. */
export async function addOrTell(queue: Queue<string>, value: string): Promise<string> {
  try {
    const { status } = await queue.add(value);
    return status;
  } catch (error) {
    if (!isHoldfastError(error, 'QUEUE_FULL')) throw error;
    const { limit = 'a shard', pressure } = error;
    return `no room in ${limit}, ${Math.round(pressure.fill * 100)} % full`;
  }
}
