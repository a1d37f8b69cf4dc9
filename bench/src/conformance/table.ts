import { CONFORMANCE_ROWS, runRow, type Library, type Verdict } from '@holdfast/testkit';
import { cockatielLibrary } from './cockatiel.ts';
import { holdfast } from './holdfast.ts';
import { opossumLibrary } from './opossum.ts';
import { pRetryLibrary } from './p-retry.ts';

const LIBRARIES: readonly Library[] = [holdfast, cockatielLibrary, opossumLibrary, pRetryLibrary];

const MARKS: Record<Verdict, string> = {
  passes: 'pass',
  fails: 'FAIL',
  hangs: 'HANGS',
  'not applicable': '-',
};

/** Runs every row against every library: a Markdown table, with the sums in the last line. */
export async function conformanceTable(): Promise<string> {
  const passed = new Map<Library, { passes: number; of: number }>(
    LIBRARIES.map((library) => [library, { passes: 0, of: 0 }]),
  );
  const lines = [
    `| id | behaviour | ${LIBRARIES.map(({ name }) => name).join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(LIBRARIES.length)}`,
  ];
  for (const row of CONFORMANCE_ROWS) {
    const cells: string[] = [];
    for (const [library, sum] of passed) {
      const { verdict } = await runRow(row, library);
      if (verdict === 'passes') sum.passes += 1;
      if (verdict !== 'not applicable') sum.of += 1;
      cells.push(MARKS[verdict]);
    }
    lines.push(`| ${row.id} | ${row.behaviour} | ${cells.join(' | ')} |`);
  }
  const sums = [...passed.values()].map(({ passes, of }) => `${passes} of ${of}`);
  return [...lines, `| | passed of those that apply | ${sums.join(' | ')} |`, ''].join('\n');
}
