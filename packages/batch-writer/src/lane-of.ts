/** The lane of a key: always the same one, so that two statements in flight never touch one key. FNV-1a, 32 bits. */
export function laneOf(keyText: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < keyText.length; index++) {
    hash = Math.imul(hash ^ keyText.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % lanes;
}
