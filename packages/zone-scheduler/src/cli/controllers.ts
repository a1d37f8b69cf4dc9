import { wholeNumber } from '@holdfast/cli-kit';
import type { Controller } from '../controller.ts';
import { adaptive } from '../controllers/adaptive.ts';
import { aimd } from '../controllers/aimd.ts';
import { fixed } from '../controllers/fixed.ts';
import { gradient2 } from '../controllers/gradient2.ts';
import { littlesLaw } from '../controllers/littles-law.ts';
import { vegas } from '../controllers/vegas.ts';

/** The published maxima differ; what is compared here is the law. */
const SAME_MAX = { max: 500 };

const BY_NAME: Readonly<Record<string, () => Controller>> = {
  adaptive: () => adaptive(),
  littlesLaw: () => littlesLaw(),
  aimd: () => aimd(SAME_MAX),
  vegas: () => vegas(SAME_MAX),
  gradient2: () => gradient2(SAME_MAX),
};

/** What `--controller` names: one of the names, or `fixed:50`. @throws {TypeError} when it is none. */
export function controllerOf(given = 'adaptive'): () => Controller {
  const [name, limit] = given.split(':');
  if (name === 'fixed' && limit !== undefined) {
    const slots = wholeNumber('--controller fixed', limit) ?? 0;
    if (slots > 0) return () => fixed(slots);
  }
  const create = Object.hasOwn(BY_NAME, given) ? BY_NAME[given] : undefined;
  if (create !== undefined) return create;
  const names = [...Object.keys(BY_NAME), 'fixed:<slots>'].join(', ');
  throw new TypeError(`--controller must be one of ${names}, got ${JSON.stringify(given)}`);
}
