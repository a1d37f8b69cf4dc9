import { requireFunction, requireObject } from '@holdfast/internal';

/** @throws {TypeError} unless `value` is an object with these methods. */
export function requireMethods(option: string, value: object, methods: readonly string[]): void {
  const object = requireObject(option, value) as Readonly<Record<string, unknown>>;
  for (const method of methods) requireFunction(`${option}.${method}`, object[method]);
}
