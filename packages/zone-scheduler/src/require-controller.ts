import { requireInteger, requireNumber } from '@holdfast/internal';
import type { Controller } from './controller.ts';
import { requirePort } from './require-port.ts';

const METHODS = ['probe', 'plan', 'observe', 'explain', 'snapshot', 'restore'] as const;

/** @throws {TypeError | RangeError} unless `controller` has all that a controller needs. */
export function requireController(name: string, controller: Controller): Controller {
  requirePort(name, controller, METHODS);
  requireInteger(`${name}.max`, controller.max, { min: 1 });
  requireInteger(`${name}.probeZones`, controller.probeZones, { min: 0 });
  requireNumber(`${name}.windowMs`, controller.windowMs, { min: 1 });
  return controller;
}
