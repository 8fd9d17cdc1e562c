import { escapeHtml } from '../shared/index.ts';
import { type SliceName, sliceNames } from './activity-store.ts';
import type { DailyReport, Figure, FigureValue } from './daily-report.ts';
import type { NumberFormat } from './number-format.ts';
import { type Chart, describeChart, svgChart, tableChart } from './render-chart.ts';
import { hoursLine } from './render-text.ts';
import { figureGroups } from './report-figures.ts';
import { reportStyle } from './report-style.ts';

/** `mail`: charts as coloured cells of tables, because mail programs leave SVG out. */
export type HtmlMedium = 'page' | 'mail';

/** What a manager looks at first; all figures follow in the table. */
const tileNames = ['dau', 'newUsers', 'retention', 'sticky'];

/** The report as one HTML document that needs nothing else: no script, no font, no picture from anywhere. */
export function renderHtml(report: DailyReport, format: NumberFormat, medium: HtmlMedium): string {
  const { title, date, weekday, zone, dayHours, notes } = report;
  const name = escapeHtml(`Daily ${title} report: ${date}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${name}</title>
<style>${reportStyle}</style>
</head>
<body>
<main class="sheet">
<h1>${name}</h1>
<p class="quiet">${weekday}, 00:00 to 24:00 in ${escapeHtml(zone)} (${dayHours} hours). Every change is against the day before.</p>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}
${tiles(report, format)}
<h2>All figures</h2>
${figureTable(report, format)}
<h2>The last 30 days</h2>
${charts(report, format)
  .map((chart) => chartSection(chart, medium))
  .join('\n')}
<h2>What the figures mean</h2>
${definitions(report)}
<p class="quiet" style="margin-top:32px"><small>${escapeHtml(hoursLine(report, format))}</small></p>
</main>
</body>
</html>
`;
}

function tiles({ figures }: DailyReport, format: NumberFormat): string {
  const money = figures.filter(({ unit }) => unit === 'money');
  const main = tileNames.flatMap((name) => figures.find((figure) => figure.name === name) ?? []);
  const shown = [...main, ...money.slice(0, 1)];
  const cells = shown.map((figure) => {
    const { title, values } = figure;
    return `<div class="tile"><small>${escapeHtml(title)}</small><b>${escapeHtml(format.short(figure, values.all.value))}</b>${changeText(values.all, format.relative(figure.unit, values.all))}</div>`;
  });
  return `<div class="tiles">${cells.join('\n')}</div>`;
}

function figureTable({ figures, slices }: DailyReport, format: NumberFormat): string {
  const heads = sliceNames.map((slice) => `<th scope="col" align="right">${escapeHtml(slices[slice])}</th>`).join('');
  const rows = figureGroups.map((group) => {
    const ofGroup = figures.filter((figure) => figure.group === group);
    const head = `<tr><th class="group" colspan="4" scope="colgroup" align="left">${escapeHtml(group)}</th></tr>`;
    return [head, ...ofGroup.map((figure) => figureRow(figure, format))].join('\n');
  });
  return `<table class="figures" width="100%" cellspacing="0"><thead><tr><th scope="col" align="left">Figure</th>${heads}</tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
}

function figureRow(figure: Figure, format: NumberFormat): string {
  const cell = (slice: SliceName): string => {
    const value = figure.values[slice];
    return `<td align="right">${escapeHtml(format.value(figure, value.value))}<br>${changeText(value, format.change(figure, value))}</td>`;
  };
  return `<tr><th scope="row" align="left">${escapeHtml(figure.title)}<small>${escapeHtml(figure.windowName)}</small></th>${sliceNames.map(cell).join('')}</tr>`;
}

/** Direction by sign, arrow and colour, so that no one of them is needed. */
function changeText({ change }: FigureValue, text: string): string {
  const direction = change === null || change === 0 ? '' : change > 0 ? ' up' : ' down';
  const arrow = direction === '' ? '' : `<span aria-hidden="true">${change! > 0 ? '▲' : '▼'}</span> `;
  return `<span class="change${direction}">${arrow}${escapeHtml(text)}</span>`;
}

function charts(report: DailyReport, format: NumberFormat): Chart[] {
  const { trend, slices, figures } = report;
  const dates = trend.map(({ date }) => date);
  const users = { format: (value: number) => format.count(value), formatAxis: (value: number) => format.count(value) };
  const share = (value: number): string => format.value({ unit: 'share' }, value);
  const money = figures.filter(({ unit }) => unit === 'money');
  return [
    {
      ...{ title: 'Daily active users (DAU)', kind: 'lines', dates, ...users },
      series: sliceNames.map((slice) => ({ name: slices[slice], values: trend.map(({ dau }) => dau[slice]) })),
    },
    {
      ...{ title: 'New users', kind: 'bars', dates, ...users },
      series: [{ name: 'New users', values: trend.map(({ newUsers }) => newUsers) }],
    },
    {
      ...{
        title: 'One-day retention',
        kind: 'lines',
        dates,
        format: share,
        formatAxis: (value: number) => format.roundShare(value),
      },
      series: [{ name: 'One-day retention', values: trend.map(({ retention }) => retention) }],
    },
    ...money.map((figure): Chart => {
      const values = trend.map(({ revenue }) => revenue[figure.currency ?? ''] ?? 0);
      return {
        ...{ title: figure.title, kind: 'bars', dates, series: [{ name: figure.title, values }] },
        format: (value) => format.value(figure, value),
        formatAxis: (value) => format.count(value / 100),
      };
    }),
  ];
}

function chartSection(chart: Chart, medium: HtmlMedium): string {
  const { title, series } = chart;
  const isSplit = series.length > 1 && medium === 'page';
  const names = series.map(({ name }, i) => `<span><i class="swatch s${i}"></i>${escapeHtml(name)}</span>`);
  const legend = isSplit ? `<p class="legend">${names.join('')}</p>` : '';
  const drawn = medium === 'page' ? svgChart(chart) : tableChart(chart);
  return `<section><h3>${escapeHtml(title)}</h3>
<p><small>${escapeHtml(describeChart(chart))}.</small></p>${legend}
${drawn}</section>`;
}

function definitions({ figures, slices }: DailyReport): string {
  const entries = figures.map(({ title, definition, window }) => {
    return `<dt>${escapeHtml(title)}</dt><dd>${escapeHtml(definition)}<br><span class="quiet">Window: ${escapeHtml(window)}.</span></dd>`;
  });
  const both = `A user with events on several networks is counted in each column, and once in “${slices.all}”. “pp” are percentage points.`;
  return `<dl>${entries.join('\n')}</dl>\n<p class="quiet" style="margin-top:16px">${escapeHtml(both)}</p>`;
}
