import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { compact } from '../format.ts';
import { colorOf, faint, onThemeChange } from '../theme.ts';

export interface ChartSeries {
  name: string;
  /** One for each time; null: nothing is known of that moment. */
  values: (number | null)[];
}

interface ChartProps {
  /** What it shows, for those who cannot see it. */
  label: string;
  /** Epoch seconds, ascending. */
  times: number[];
  series: readonly ChartSeries[];
  format?: (value: number | null) => string;
  height?: number;
  isFilled?: boolean;
}

export const colorCount = 8;

/** Lines over time, with a legend that tells the newest values. */
export function Chart({ label, times, series, format = compact, height = 220, isFilled = false }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = series.map(({ name }) => name).join('\u0000');
  const data = [times, ...series.map(({ values }) => values)] as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;

  useEffect(() => {
    const element = box.current!;
    const build = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(
        optionsOf(element.clientWidth, height, names.split('\u0000'), format, isFilled),
        newest.current,
        element,
      );
    };
    build();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const endTheme = onThemeChange(build);
    return () => {
      resized.disconnect();
      endTheme();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, height, isFilled, format]);

  useEffect(() => {
    plot.current?.setData(data);
  }, [times, series]);

  const summary = series.map(({ name, values }) => `${name} ${format(lastOf(values))}`).join(', ');
  return (
    <figure class="chart">
      <div
        ref={box}
        class="chart-box"
        role="img"
        aria-label={`${label}. Now: ${summary || 'nothing'}`}
        style={{ height: `${height}px` }}
      />
      <figcaption class="legend">
        {series.map(({ name, values }, i) => (
          <span key={name} class="legend-item">
            <span class={`swatch color-${(i % colorCount) + 1}`} aria-hidden="true" />
            {name} <strong>{format(lastOf(values))}</strong>
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** A line needs some time to be one: right after the start the axis reaches back behind the first value. */
const minSpanSeconds = 60;

function timeText(second: number, _index: number, all: readonly number[]): string {
  const at = new Date(second * 1000);
  const isLong = (all.at(-1) ?? 0) - (all[0] ?? 0) > 2 * 86_400;
  if (isLong) return at.toLocaleDateString('en-CA');
  const isShort = (all.at(-1) ?? 0) - (all[0] ?? 0) < 300;
  return at.toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(isShort ? { second: '2-digit' } : {}),
  });
}

function lastOf(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

function optionsOf(
  width: number,
  height: number,
  names: readonly string[],
  format: (value: number | null) => string,
  isFilled: boolean,
): uPlot.Options {
  const [line, text] = [colorOf('--chart-grid'), colorOf('--muted')];
  const font = '12px system-ui, sans-serif';
  const axis = { stroke: text, font, ticks: { show: false }, grid: { stroke: line, width: 1 } };
  return {
    width: Math.max(width, 100),
    height,
    padding: [12, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, min, max) => (max - min < minSpanSeconds ? [max - minSpanSeconds, max] : [min, max]) },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.12 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 72, size: 28, values: (_plot, splits) => splits.map(timeText) },
      { ...axis, size: 66, values: (_plot, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {},
      ...names.map((name, i): uPlot.Series => {
        const stroke = colorOf(`--series-${(i % colorCount) + 1}`);
        return {
          label: name,
          stroke,
          width: 2,
          points: { show: false },
          spanGaps: false,
          ...(isFilled ? { fill: faint(stroke) } : {}),
        };
      }),
    ],
    plugins: [readout(format)],
  };
}

/** What the lines say under the pointer. */
function readout(format: (value: number | null) => string): uPlot.Plugin {
  let tip: HTMLDivElement;
  const show = (plot: uPlot): void => {
    const { idx, left = -1 } = plot.cursor;
    const at = idx === null || idx === undefined ? undefined : plot.data[0][idx];
    tip.hidden = at === undefined || left < 0;
    if (at === undefined || idx === null || idx === undefined) return;
    const lines = plot.series.slice(1).map((series, i) => {
      const line = document.createElement('div');
      line.textContent = `${String(series.label)}  ${format(plot.data[i + 1]![idx] ?? null)}`;
      return line;
    });
    const time = document.createElement('div');
    time.className = 'tip-time';
    time.textContent = new Date(at * 1000).toLocaleString('en-CA', { hour12: false });
    tip.replaceChildren(time, ...lines);
    const isRight = left > plot.over.clientWidth / 2;
    tip.style.left = isRight ? 'auto' : `${left + 12}px`;
    tip.style.right = isRight ? `${plot.over.clientWidth - left + 12}px` : 'auto';
  };
  return {
    hooks: {
      init: (plot) => {
        tip = document.createElement('div');
        tip.className = 'chart-tip';
        tip.hidden = true;
        plot.over.append(tip);
      },
      setCursor: show,
    },
  };
}
