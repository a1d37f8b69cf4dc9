export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Puts `wrap(original)` in a method's place; returns what puts it back, unless somebody else has replaced it since. */
export function replaceMethod(
  target: object,
  name: string,
  wrap: (original: AnyFunction) => AnyFunction,
): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const replacement = wrap(Reflect.get(target, name) as AnyFunction);
  Object.defineProperty(target, name, {
    value: replacement,
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
  });
  return () => {
    if (Reflect.get(target, name) !== replacement) return;
    if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
  };
}
