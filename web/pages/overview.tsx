import { useMemo } from 'preact/hooks';
import type { CountedSecond } from '../../src/console/answers.ts';
import { compact, count, duration, plural } from '../format.ts';
import { type Tick, useLive } from '../live.ts';
import { Card, Empty, PageHead, Problem, Stat } from '../parts/basics.tsx';
import { Chart, type ChartSeries } from '../parts/chart.tsx';
import type { Place } from '../route.ts';

const smoothTicks = 5;
const smoothSeconds = 5;
const minuteSeconds = 60;
const maxGames = 8;
const maxPoints = 150;

export function OverviewPage(_: { place: Place }) {
  const { ticks, seconds, status } = useLive();
  const last = ticks.at(-1);
  const rates = useMemo(() => flowOf(ticks), [ticks]);
  const games = useMemo(() => gamesOf(seconds), [seconds]);
  const now = { events: rates.events.at(-1) ?? null, rows: rates.rows.at(-1) ?? null };
  const share = seconds.at(-1)?.share ?? 1;
  return (
    <>
      <PageHead title="Overview">Events from the log to the warehouse, second by second.</PageHead>
      <Problem
        text={status === 'reconnecting' ? 'The connection is lost. Trying again…' : last?.problems.join(' · ')}
      />
      <div class="stats">
        <Stat
          label="Events in"
          value={compact(now.events)}
          unit="/s"
          note={last ? `${count(last.appended)} in ${plural(last.topicCount, 'topic')}` : ''}
        />
        <Stat
          label="Rows landed"
          value={compact(now.rows)}
          unit="/s"
          note={last ? `${count(last.landed)} in ${plural(last.fileCount, 'file')}` : ''}
        />
        <Stat
          label="Freshness"
          value={last ? duration(last.freshnessMs) : '–'}
          tone={toneOf(last)}
          note={last?.freshnessMs === 0 ? 'all of it has landed' : 'age of the oldest event not landed'}
        />
        <Stat
          label="Waiting"
          value={compact(last?.lag == null ? null : Number(last.lag))}
          note="records not yet in the warehouse"
        />
        <Stat
          label="Dead letters"
          value={last ? compact(Number(last.dead)) : '–'}
          tone={last && last.dead !== '0' ? 'warn' : ''}
          note="records that became no row"
        />
      </div>
      {games.names.length === 0 ? (
        <Card title="Games">
          <Empty title={last ? 'No events of games in the last quarter of an hour' : 'Waiting for the first second'}>
            Events with the fields “game” and “type” are counted here as they reach the log.
          </Empty>
        </Card>
      ) : (
        <div class="two">
          <Card
            title="Requests per second"
            note={share < 1 ? `estimated from ${Math.round(share * 100)} %` : 'by game'}
          >
            <Chart label="Requests per second by game" times={games.times} series={games.requests} />
          </Card>
          <Card title="Installs per minute" note="by game, over the last 60 s">
            <Chart label="Installs per minute by game" times={games.times} series={games.installs} />
          </Card>
        </div>
      )}
      <div class="two">
        <Card title="Events in and rows landed" note="per second">
          <Chart label="Events in and rows landed per second" times={rates.times} series={rates.series} isFilled />
        </Card>
        <Card title="Freshness" note="end to end">
          <Chart
            label="Seconds between an event and its row"
            times={rates.times}
            series={rates.freshness}
            format={secondsText}
            isFilled
          />
        </Card>
      </div>
    </>
  );
}

function secondsText(value: number | null): string {
  return value === null ? '–' : duration(value * 1000);
}

function toneOf(tick: Tick | undefined): 'good' | 'warn' | 'bad' | '' {
  if (!tick || tick.freshnessMs === null) return '';
  if (tick.freshnessMs < 60_000) return 'good';
  return tick.freshnessMs < 600_000 ? 'warn' : 'bad';
}

/** Rates from the differences of totals, over some ticks so that they do not jump. */
function flowOf(ticks: readonly Tick[]) {
  const times = ticks.map(({ atMs }) => atMs / 1000);
  const rateOf = (pick: (tick: Tick) => string) =>
    ticks.map((tick, i) => {
      const before = ticks[Math.max(0, i - smoothTicks)]!;
      const elapsed = (tick.atMs - before.atMs) / 1000;
      if (elapsed < 0.5) return null;
      return Math.max(0, Number(BigInt(pick(tick)) - BigInt(pick(before))) / elapsed);
    });
  const [events, rows] = [rateOf(({ appended }) => appended), rateOf(({ landed }) => landed)];
  const series: ChartSeries[] = [
    { name: 'events in', values: events },
    { name: 'rows landed', values: rows },
  ];
  const freshness: ChartSeries[] = [
    { name: 'behind', values: ticks.map(({ freshnessMs }) => (freshnessMs === null ? null : freshnessMs / 1000)) },
  ];
  return { times, events, rows, series, freshness };
}

/** One line a game, the busiest first; seconds without an event are zeros. */
function gamesOf(seconds: readonly CountedSecond[]) {
  const [first, last] = [seconds[0]?.second, seconds.at(-1)?.second];
  if (first === undefined || last === undefined) return { names: [], times: [], requests: [], installs: [] };
  const bySecond = new Map(seconds.map((one) => [one.second, one.games]));
  const totals = new Map<string, number>();
  for (const { games } of seconds)
    for (const [name, { events }] of Object.entries(games)) totals.set(name, (totals.get(name) ?? 0) + events);
  const names = [...totals]
    .sort((a, b) => b[1] - a[1])
    .slice(0, maxGames)
    .map(([name]) => name);
  const length = Math.min(last - first + 1, 900);
  const all = Array.from({ length }, (_, i) => last - length + 1 + i);
  // More points than the eye tells apart are noise: the longer the time, the smoother the line.
  const step = Math.ceil(length / maxPoints);
  const isShown = (_: unknown, i: number): boolean => (all.length - 1 - i) % step === 0;
  const smooth = Math.max(smoothSeconds, 4 * step);
  const lines = (window: number, scale: number, pick: 'requests' | 'installs'): ChartSeries[] =>
    names.map((name) => {
      const counts = all.map((second) => bySecond.get(second)?.[name]?.[pick] ?? 0);
      // Before the window is full the sum would rise from nothing, which nothing in the games did.
      const isFull = (i: number): boolean => i >= window || all.length <= window;
      const values = rolling(counts, window).map((sum, i) => (isFull(i) ? sum * scale : null));
      return { name, values: values.filter(isShown) };
    });
  const [requests, installs] = [lines(smooth, 1 / smooth, 'requests'), lines(minuteSeconds, 1, 'installs')];
  return { names, times: all.filter(isShown), requests, installs };
}

/** Sums over the last `window` values. */
function rolling(values: readonly number[], window: number): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (values[i - window] ?? 0);
    return sum;
  });
}
