import { alignColumns } from '../shared/index.ts';
import { sliceNames } from './activity-store.ts';
import type { DailyReport, Figure } from './daily-report.ts';
import { isOrAre } from './is-or-are.ts';
import type { NumberFormat } from './number-format.ts';
import { figureGroups } from './report-figures.ts';

const width = 110;
const blocks = '▁▂▃▄▅▆▇█';

/** The report as plain text, for a terminal and for mail programs that show no HTML. */
export function renderText(report: DailyReport, format: NumberFormat): string {
  const { title, date, weekday, zone, dayHours, notes } = report;
  const lines = [
    `Daily ${title} report: ${date}`,
    `${weekday}, 00:00 to 24:00 in ${zone} (${dayHours} hours). Changes are against the day before.`,
    ...notes.flatMap((note) => ['', ...wrapped(`! ${note}`, 2)]),
    '',
    ...figureLines(report, format),
    '',
    `DAU, last 30 days  ${sparkline(report.trend.map(({ dau }) => dau.all))}  ${report.trend[0]!.date} to ${date}`,
    '',
    'WHAT THE FIGURES MEAN',
    ...report.figures.flatMap(({ title: name, definition, window }) =>
      wrapped(`${name}: ${definition} Window: ${window}.`, 2),
    ),
    ...wrapped(
      `A user with events on several networks is counted in each column, and once in "${report.slices.all}".`,
      2,
    ),
    '',
    hoursLine(report, format),
  ];
  return `${lines.join('\n')}\n`;
}

/** Where the numbers come from. */
export function hoursLine({ hours, isComplete, madeAtMs }: DailyReport, format: NumberFormat): string {
  const { unit, neededCount, amendedCount, missing } = hours;
  const amended = amendedCount > 0 ? `, ${format.count(amendedCount)} of them amended since` : '';
  const state = isComplete
    ? `all ${format.count(neededCount)} ${unit}s of the windows are complete${amended}`
    : `${format.count(missing.length)} of ${format.count(neededCount)} ${unit}s ${isOrAre(missing.length)} not complete`;
  return `From the warehouse: ${state}. Made at ${new Date(madeAtMs).toISOString().slice(0, 16)}Z.`;
}

function figureLines({ figures, slices }: DailyReport, format: NumberFormat): string[] {
  const header = ['', 'WINDOW', ...sliceNames.flatMap((slice) => [slices[slice].toUpperCase(), ''])];
  const blank = header.map(() => '');
  const rows = figureGroups.flatMap((group) => {
    const ofGroup = figures.filter((figure) => figure.group === group);
    return [blank, [group.toUpperCase(), ...blank.slice(1)], ...ofGroup.map((figure) => figureCells(figure, format))];
  });
  return alignColumns([header, ...rows], ['left', 'left', ...sliceNames.flatMap(() => ['right', 'right'] as const)]);
}

function figureCells(figure: Figure, format: NumberFormat): string[] {
  const { title, windowName, unit, values } = figure;
  const cells = sliceNames.flatMap((slice) => [
    format.value(figure, values[slice].value),
    format.relative(unit, values[slice]),
  ]);
  return [title, windowName, ...cells];
}

function sparkline(values: readonly number[]): string {
  const top = Math.max(1, ...values);
  return values.map((value) => blocks[Math.min(7, Math.floor((value / top) * 7.999))]!).join('');
}

/** Lines of bounded length, all but the first one indented. */
function wrapped(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `${' '.repeat(indent)}${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
