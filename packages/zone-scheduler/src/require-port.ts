import { requireFunction, requireObject } from '@holdfast/internal';

/**
 * A mistake in what is plugged in shows when it is plugged in, not in the middle of a cycle.
 *
 * @throws {TypeError} unless `value` is an object with all these methods.
 */
export function requirePort<P extends object>(
  name: string,
  value: P,
  methods: readonly (keyof P & string)[],
): P {
  requireObject(name, value);
  for (const method of methods) requireFunction(`${name}.${method}`, value[method]);
  return value;
}
