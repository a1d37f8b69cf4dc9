import { alignFields, printable } from '@holdfast/cli-kit';
import type { DuplicateGroup, RemoveDuplicatesReport } from '../duplicates/duplicates.ts';
import type { Plan } from './plan.ts';

/** What the run will do, a line for each part. */
export function planText(plan: Plan): string {
  const rows = plan.estimatedRows === null ? '' : ` (about ${plan.estimatedRows} rows)`;
  return alignFields([
    ['table', `${plan.table}${rows}`],
    ['key', `${plan.key.join(', ')}; NULLs are ${plan.nullsEqual ? 'equal' : 'never equal'}`],
    ['keep', plan.keep],
    ['rows are told apart by', plan.identity.join(', ')],
    ['where', plan.where],
    ['chunks', `${plan.chunkRows} rows or ${plan.maxTxMs} ms, ${plan.pauseMs} ms apart`],
    ['work table', plan.workTable],
    ['archive', plan.archiveTo],
    ['then', plan.uniqueIndex === null ? null : `unique index ${plan.uniqueIndex}`],
    ['dry run', plan.dryRun ? 'nothing is changed' : null],
  ]);
}

export function reportText(report: RemoveDuplicatesReport, isDryRun: boolean): string {
  const found = `${report.duplicates} duplicates of ${report.groups} keys`;
  if (isDryRun) {
    const examples = (report.samples ?? []).map(sampleText).join('');
    return `\n${report.aborted ? 'stopped' : found}\n${examples}`;
  }
  return `\n${alignFields([
    [report.resumed ? 'found, going on' : 'found', found],
    ['deleted', String(report.deleted)],
    ['skipped', report.skipped === 0 ? null : `${report.skipped} that had been changed meanwhile`],
    ['archived', report.archived === 0 ? null : String(report.archived)],
    ['longest transaction', `${Math.round(report.longestTxMs)} ms`],
    ['index', report.index ?? null],
    ['stopped', report.aborted ? 'the same command goes on' : null],
  ])}`;
}

function sampleText({ key, kept, victims }: DuplicateGroup): string {
  return `${show(key)}: keeps ${show(kept)}, deletes ${victims.map(show).join('; ')}\n`;
}

function show(values: Readonly<Record<string, string | null>>): string {
  const all = Object.entries(values).map(([name, value]) => `${name} ${value ?? 'NULL'}`);
  return printable(all.join(', '));
}
