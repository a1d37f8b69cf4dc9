import { hashText, mix } from './hash.ts';

/** Somebody who takes a share of the shards. */
export interface Member {
  readonly id: string;
  /** Its share is in proportion to it; above 0. Default 1. */
  readonly weight?: number | undefined;
}

/**
 * The member that has the key: a join or a leave moves only what the one that came gets, or had. Order plays no part.
 *
 * Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998) with weights as
 * -w / ln u (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005).
 *
 * @throws {RangeError} when there is no member, or a weight is not above 0.
 */
export function rendezvous(key: string, members: readonly Member[]): string {
  return winnerOf(hashText(key), toContenders(members));
}

/** A member with what does not depend on the key. */
export interface Contender {
  readonly id: string;
  readonly weight: number;
  readonly hash: number;
}

/** @throws {RangeError} when there is no member, an id comes twice, or a weight is not above 0. */
export function toContenders(members: readonly Member[]): readonly Contender[] {
  if (members.length === 0) throw new RangeError('members must not be empty');
  const contenders = members.map(({ id, weight = 1 }) => {
    if (Number.isFinite(weight) && weight > 0) return { id, weight, hash: hashText(id) };
    throw new RangeError(`weight of member ${id} must be a finite number above 0, got ${weight}`);
  });
  const ids = new Set(members.map(({ id }) => id));
  if (ids.size < members.length) throw new RangeError('members must have different ids');
  return contenders;
}

/** As `rendezvous`, for many keys over the same members. */
export function winnerOf(keyHash: number, contenders: readonly Contender[]): string {
  let winner = '';
  let highest = -1;
  for (const contender of contenders) {
    const score = scoreOf(keyHash, contender);
    if (score < highest || (score === highest && contender.id > winner)) continue;
    highest = score;
    winner = contender.id;
  }
  return winner;
}

export function scoreOf(keyHash: number, { hash, weight }: Contender): number {
  // Mixed again: without it the scores of a key differ between two members as those of every other key do.
  const u = (mix(keyHash ^ Math.imul(hash, 0x9e3779b1)) + 0.5) / 2 ** 32;
  return -weight / Math.log(u);
}
