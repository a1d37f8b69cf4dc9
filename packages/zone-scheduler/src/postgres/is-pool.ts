/** `pg.Pool` counts its connections, and no client does. */
export function isPool(value: object): boolean {
  return 'totalCount' in value;
}
