import { alignColumns, alignFields, formatDuration, printable } from '@holdfast/cli-kit';
import { systemClock } from '@holdfast/internal';
import { countOf } from '../count-of.ts';
import type { Budget, PauseTarget, StoreStats } from '../store.ts';
import { formatBytes } from './format-bytes.ts';
import type { InspectedQueue, ListedQueue } from './inspect.ts';
import type { ShownLetter, ShownPage } from './list-dead.ts';
import { overflowText, type ShownSettings } from './shown-settings.ts';

/** One queue, a line for each part. */
export function inspectionText(inspected: InspectedQueue): string {
  const { queue, store, schemaVersion, settings, stats } = inspected;
  const { count, bytes, dead, deadBytes, dropped } = stats;
  const version = schemaVersion === null ? '' : `, schema version ${schemaVersion}`;
  return alignFields([
    ['queue', `${printable(queue)} in ${store}${version}`],
    ['held', heldText({ count, bytes }, settings.limits)],
    ['ready', readyText(stats)],
    ['delayed', String(stats.delayed)],
    ['leased', String(stats.leased)],
    ['waiting', `${stats.waiting} behind their keys`],
    ['dead letters', heldText({ count: dead, bytes: deadBytes }, settings.dead)],
    [
      'dropped',
      `${dropped.evicted} evicted, ${dropped.deadOverflow} dead letters for others, ${dropped.deadExpired} too old`,
    ],
    ['paused', pausedText(stats.paused)],
    ['settings', settingsText(settings)],
  ]);
}

export function listText(queues: readonly ListedQueue[]): string {
  if (queues.length === 0) return '(none): there are no queues here\n';
  const headings = ['QUEUE', 'HELD', 'READY', 'DELAYED', 'LEASED', 'WAITING', 'DEAD', 'OLDEST'];
  return alignColumns(
    [...headings, 'PAUSED'],
    queues.map(({ queue, stats }) => {
      if (stats === null) return [printable(queue), '(has not told its settings)'];
      const { count, ready, delayed, leased, waiting, dead, oldestReadyMs, paused } = stats;
      return [
        printable(queue),
        ...[count, ready, delayed, leased, waiting, dead].map(String),
        oldestReadyMs === undefined ? '-' : formatDuration(oldestReadyMs),
        paused.length === 0 ? '-' : pausedText(paused),
      ];
    }),
  );
}

/** One line for each letter, and one below it for its payload where that is asked for. */
export function deadText({ letters, next }: ShownPage): string {
  if (letters.length === 0) return '(none): no dead letters\n';
  const headings = ['ID', 'DIED', 'ATTEMPTS', 'PRIORITY', 'KEY', 'SIZE', 'REASON'];
  const [heading = '', ...lines] = alignColumns(headings, letters.map(letterRow)).split('\n');
  const shown = letters.map((letter, index) => `${lines[index] ?? ''}\n${payloadLine(letter)}`);
  const more = next === null ? '' : `\nmore: --after ${next}\n`;
  return `${heading}\n${shown.join('')}${more}`;
}

export function pausedText(paused: readonly PauseTarget[]): string {
  if (paused.length === 0) return 'nothing';
  return paused.map(targetText).join(', ');
}

function letterRow(letter: ShownLetter): string[] {
  const { id, attempt, priority, key, bytes, reason, diedAt } = letter;
  const ageMs = Math.max(0, systemClock.wallNow() - Date.parse(diedAt));
  return [
    ...[id, `${formatDuration(ageMs)} ago`, String(attempt), String(priority)],
    ...[key === null ? '-' : printable(key), formatBytes(bytes), printable(reason)],
  ];
}

function payloadLine({ payload, payloadEncoding }: ShownLetter): string {
  if (payload === undefined) return '';
  return `  ${payloadEncoding === 'base64' ? 'base64:' : ''}${printable(payload)}\n`;
}

function heldText({ count, bytes }: { count: number; bytes: number }, limits: Budget): string {
  const { maxCount, maxBytes } = limits;
  const fill = Math.max(count / maxCount, bytes / maxBytes);
  const share = `${Math.floor(fill * 100)} %`;
  return `${count} of ${maxCount}, ${formatBytes(bytes)} of ${formatBytes(maxBytes)} (${share})`;
}

function readyText({ ready, readyByPriority, oldestReadyMs }: StoreStats): string {
  const parts = readyByPriority.flatMap((count, priority) =>
    count === 0 ? [] : [`priority ${priority}: ${count}`],
  );
  if (oldestReadyMs !== undefined)
    parts.push(`the oldest for ${formatDuration(Math.max(0, oldestReadyMs))}`);
  return [String(ready), ...parts].join(', ');
}

function targetText(target: PauseTarget): string {
  switch (target.kind) {
    case 'queue':
      return 'the queue';
    case 'priority':
      return `priority ${target.priority}`;
    case 'key':
      return `key ${printable(target.key)}`;
    default: {
      const impossible: never = target;
      return impossible;
    }
  }
}

function settingsText({ retry, order, dead, overflow, rate }: ShownSettings): string {
  const { keyConcurrency, onPoison } = order;
  const parts = [
    countOf(retry.maxAttempts, 'attempt'),
    `${keyConcurrency} of a key at a time`,
    `a dead letter ${onPoison === 'halt-key' ? 'halts its key' : 'lets its key go on'}`,
    `no room among the dead: ${dead.whenFull}`,
    `when full: ${overflowText(overflow)}`,
    ...(rate === undefined ? [] : [`${rate.count} in ${formatDuration(rate.perMs)}`]),
  ];
  return parts.join('; ');
}
