import { alignFields, printable } from '@holdfast/cli-kit';
import { countOf } from '../count-of.ts';
import type { DeadFilter } from '../dead-letter.ts';
import { formatBytes } from './format-bytes.ts';
import type { PurgePlan } from './purge.ts';
import type { RedriveEnd, RedrivePlan } from './redrive.ts';

/** What the run will do, a line for each part. */
export function planText(plan: RedrivePlan): string {
  const { queue, store, dead, matched, roomCount, roomBytes, perSecond, dryRun } = plan;
  return alignFields([
    ['queue', `${printable(queue)} in ${store}`],
    ['only letters', filterText(plan.filter)],
    ['to redrive', `${matched} of ${dead} dead letters`],
    ['room', `for ${countOf(roomCount, 'item')} or ${formatBytes(roomBytes)}`],
    ['rate', perSecond === null ? null : `${perSecond} a second`],
    ['dry run', dryRun ? 'nothing is changed' : null],
  ]);
}

/** What will be deleted, a line for each part. */
export function purgePlanText({ queue, store, dead, matched, filter, dryRun }: PurgePlan): string {
  return alignFields([
    ['queue', `${printable(queue)} in ${store}`],
    ['only letters', filterText(filter)],
    ['to purge', `${matched} of ${dead} dead letters, for good`],
    ['dry run', dryRun ? 'nothing is changed' : null],
  ]);
}

export function reportText({ redriven, full, stopped }: RedriveEnd): string {
  return `\n${alignFields([
    ['redriven', String(redriven)],
    ['no room for', full === 0 ? null : `${full}, which are still dead`],
    ['stopped', stopped ? 'the same command goes on with the rest' : null],
  ])}`;
}

function filterText(filter: DeadFilter): string | null {
  const { ids, key, priority, reason, diedBeforeMs, diedAfterMs } = filter;
  const parts = [
    ...(ids === undefined ? [] : [`with the ids ${ids.join(', ')}`]),
    ...(key === undefined ? [] : [`of the key ${key}`]),
    ...(priority === undefined ? [] : [`of priority ${priority}`]),
    ...(reason === undefined ? [] : [`with ${JSON.stringify(reason)} in their reason`]),
    ...(diedBeforeMs === undefined ? [] : [`that died before ${isoOf(diedBeforeMs)}`]),
    ...(diedAfterMs === undefined ? [] : [`that died after ${isoOf(diedAfterMs)}`]),
  ];
  return parts.length === 0 ? null : printable(parts.join(', '));
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
