import type { SimulationRun } from './simulate.ts';
import type { CycleRow } from './statistics.ts';

const WIDTH = 720;
const PANEL = 120;
const LEFT = 60;
const GAP = 34;

interface Panel {
  readonly title: string;
  readonly colour: string;
  /** Of all instances in one cycle. */
  readonly figure: (rows: readonly CycleRow[]) => number;
}

const PANELS: readonly Panel[] = [
  { title: 'limit', colour: '#1f77b4', figure: (rows) => sum(rows, ({ limit }) => limit) },
  {
    title: 'latency p50, ms',
    colour: '#2ca02c',
    figure: (rows) => sum(rows, ({ p50Ms }) => p50Ms) / rows.length,
  },
  {
    title: 'missed ticks',
    colour: '#d62728',
    figure: (rows) => sum(rows, ({ missedTicks }) => missedTicks),
  },
];

/** Limit, latency and missed ticks by cycle, as an SVG document. A figure that is not known leaves a gap. */
export function plotRun(title: string, { rows, seed }: SimulationRun): string {
  const cycles = [...new Set(rows.map(({ cycle }) => cycle))];
  const height = GAP + PANELS.length * (PANEL + GAP);
  const panels = PANELS.map((panel, n) => {
    const values = cycles.map((cycle) => panel.figure(rows.filter((row) => row.cycle === cycle)));
    return drawPanel(panel, values, GAP + n * (PANEL + GAP) + 10);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${LEFT}" y="20" font-size="15">${escapeXml(title)}, seed ${seed}, ${cycles.length} cycles</text>`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, colour }: Panel, values: readonly number[], top: number): string {
  const most = Math.max(1, ...values.filter((value) => Number.isFinite(value)));
  const right = WIDTH - 20;
  const x = (index: number): number =>
    LEFT + (index / Math.max(1, values.length - 1)) * (right - LEFT);
  const y = (value: number): number => top + PANEL - (value / most) * PANEL;
  const point = (value: number, index: number): string =>
    Number.isFinite(value) ? `${x(index).toFixed(1)},${y(value).toFixed(1)}` : ' ';
  const lines = values
    .map(point)
    .join(';')
    .split(/;? ;?/)
    .filter((piece) => piece !== '')
    .map(
      (piece) =>
        `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${piece.replaceAll(';', ' ')}"/>`,
    );
  return [
    `<text x="${LEFT}" y="${top - 4}">${title}</text>`,
    `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${most.toFixed(0)}</text>`,
    `<text x="${LEFT - 6}" y="${top + PANEL}" text-anchor="end">0</text>`,
    `<path d="M${LEFT} ${top}V${top + PANEL}H${right}" fill="none" stroke="#999"/>`,
    ...lines,
  ].join('\n');
}

function sum(rows: readonly CycleRow[], figure: (row: CycleRow) => number): number {
  return rows.reduce((total, row) => total + figure(row), 0);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
