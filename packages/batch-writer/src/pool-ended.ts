/** `pg.Pool` says it only in words when it is asked for a connection. */
export function hasEnded(pool: object): boolean {
  const { ended, ending } = pool as { readonly ended?: boolean; readonly ending?: boolean };
  return ended === true || ending === true;
}
