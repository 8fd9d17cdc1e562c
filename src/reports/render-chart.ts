import { escapeHtml } from '../shared/index.ts';
import { axisTicks } from './chart-scale.ts';

export interface ChartSeries {
  name: string;
  /** One a date; null: nothing is known of that day. */
  values: readonly (number | null)[];
}

export interface Chart {
  title: string;
  kind: 'bars' | 'lines';
  dates: readonly string[];
  /** The first one is the main one: the only one that bars show. */
  series: readonly ChartSeries[];
  format: (value: number) => string;
  /** Of the marks at the axis. */
  formatAxis: (value: number) => string;
}

const size = { width: 680, height: 190, left: 62, right: 10, top: 10, bottom: 24 };
const plot = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
const axisY = size.top + plot.height;

/**
 * A chart as SVG without scripts; colours come from the classes of the page, so it follows light and dark. Thirty bars need no library:
 * those that draw without a browser weigh megabytes, and write colours into the picture.
 */
export function svgChart(chart: Chart): string {
  const { title, kind, dates, series } = chart;
  const ticks = axisTicks(Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const top = ticks.at(-1)!;
  const marks =
    kind === 'bars'
      ? bars(chart, top)
      : series
          .map((one, i) => line(chart, one, i, top))
          .reverse()
          .join('');
  const words = escapeHtml(`${title}: ${describeChart(chart)}`);
  return `<svg class="chart" viewBox="0 0 ${size.width} ${size.height}" width="100%" role="img" aria-label="${words}">
${ticks.map((tick) => gridLine(chart, tick, top)).join('')}
${marks}
${[0, Math.floor((dates.length - 1) / 2), dates.length - 1].map((i) => dateMark(dates, i)).join('')}
</svg>`;
}

/** The same as bars in a table, for mail programs: none of them shows SVG, all show coloured cells. */
export function tableChart(chart: Chart): string {
  const { dates, series, format } = chart;
  const { values } = series[0]!;
  const max = Math.max(...values.map((value) => value ?? 0));
  const cells = values.map((value, i) => {
    const height = max > 0 ? Math.max(1, Math.round(((value ?? 0) / max) * 70)) : 1;
    const hint = escapeHtml(`${dates[i]}: ${value === null ? 'nothing known' : format(value)}`);
    return `<td valign="bottom" style="padding:0 1px" title="${hint}"><table width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td height="${height}" bgcolor="#2563eb" style="height:${height}px;font-size:1px;line-height:1px">&nbsp;</td></tr></table></td>`;
  });
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="table-layout:fixed;height:72px"><tr>${cells.join('')}</tr></table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="left"><small>${escapeHtml(dates[0]!)}</small></td><td align="right"><small>${escapeHtml(dates.at(-1)!)}</small></td></tr></table>`;
}

/** What the chart shows, in a sentence. */
export function describeChart({ dates, series, format }: Chart): string {
  const known = series[0]!.values.flatMap((value, i) => (value === null ? [] : [{ value, date: dates[i]! }]));
  if (known.length === 0) return 'nothing is known of these days';
  const lowest = known.reduce((a, b) => (b.value < a.value ? b : a));
  const highest = known.reduce((a, b) => (b.value > a.value ? b : a));
  const last = known.at(-1)!;
  return `${format(last.value)} on ${last.date}; lowest ${format(lowest.value)} on ${lowest.date}, highest ${format(highest.value)} on ${highest.date}`;
}

function bars({ dates, series, format }: Chart, top: number): string {
  const { values } = series[0]!;
  const slot = plot.width / dates.length;
  return values
    .map((value, i) => {
      if (value === null) return '';
      const height = (value / top) * plot.height;
      const x = size.left + i * slot + slot * 0.14;
      const last = i === dates.length - 1 ? ' last' : '';
      const hint = escapeHtml(`${dates[i]}: ${format(value)}`);
      return `<rect class="bar${last}" x="${round(x)}" y="${round(axisY - height)}" width="${round(slot * 0.72)}" height="${round(height)}"><title>${hint}</title></rect>`;
    })
    .join('');
}

function line({ dates, format }: Chart, { name, values }: ChartSeries, index: number, top: number): string {
  const points = values.map((value, i) => (value === null ? null : pointOf(i, value, dates.length, top)));
  let path = '';
  for (const [i, point] of points.entries()) if (point) path += `${points[i - 1] ? 'L' : 'M'}${point.x} ${point.y}`;
  const dots = points.map((point, i) => {
    if (!point) return '';
    const hint = escapeHtml(`${name}, ${dates[i]}: ${format(values[i]!)}`);
    return `<circle class="dot s${index}" cx="${point.x}" cy="${point.y}" r="${i === dates.length - 1 ? 3.5 : 2}"><title>${hint}</title></circle>`;
  });
  return `<path class="line s${index}" d="${path}"/>${dots.join('')}`;
}

function pointOf(i: number, value: number, count: number, top: number): { x: number; y: number } {
  return {
    x: round(size.left + ((i + 0.5) / count) * plot.width),
    y: round(axisY - (value / top) * plot.height),
  };
}

function gridLine({ formatAxis }: Chart, tick: number, top: number): string {
  const y = round(axisY - (tick / top) * plot.height);
  const label = escapeHtml(formatAxis(tick));
  return `<line class="grid" x1="${size.left}" x2="${size.width - size.right}" y1="${y}" y2="${y}"/><text class="mark" x="${size.left - 6}" y="${y + 4}" text-anchor="end">${label}</text>`;
}

function dateMark(dates: readonly string[], i: number): string {
  const anchor = i === 0 ? 'start' : i === dates.length - 1 ? 'end' : 'middle';
  const x = i === 0 ? size.left : round(size.left + ((i + (anchor === 'end' ? 1 : 0.5)) / dates.length) * plot.width);
  return `<text class="mark" x="${x}" y="${size.height - 6}" text-anchor="${anchor}">${escapeHtml(dates[i]!)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
