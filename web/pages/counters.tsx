import { useMemo, useState } from 'preact/hooks';
import type { CountedMinute, CountersAnswer, Json } from '../../src/console/answers.ts';
import { clockTime, compact, count, plural } from '../format.ts';
import { Card, Empty, Field, Loading, Options, PageHead, Problem, Tag } from '../parts/basics.tsx';
import { Chart, type ChartSeries, colorCount } from '../parts/chart.tsx';
import { type TableColumn, VirtualTable } from '../parts/virtual-table.tsx';
import type { Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

type Counters = Json<CountersAnswer>;

const refreshMs = 3000;
const maxKinds = 12;
const minuteMs = 60_000;

export function CountersPage(_: { place: Place }) {
  const { data, error } = useQuery<Counters>('/api/counters', refreshMs);
  return (
    <>
      <PageHead title="Counters">Events of each game by minute, kind by kind.</PageHead>
      <Problem text={error ?? data?.problem} />
      {!data && !error ? <Loading what="counters" /> : null}
      {data ? <Source counters={data} /> : null}
      {data && data.minutes.length === 0 ? (
        <Card>
          <Empty title="Nothing counted yet">
            Events with the fields “game” and “type” are counted as they reach the log.
          </Empty>
        </Card>
      ) : null}
      {data && data.minutes.length > 0 ? <Minutes minutes={data.minutes} /> : null}
      {data && data.positions.length > 0 ? <Positions counters={data} /> : null}
    </>
  );
}

/** Where the figures are from, and how far they can be trusted. */
function Source({ counters: { source, place, leftOut } }: { counters: Counters }) {
  const left = leftOut.late + leftOut.future + leftOut.unusable;
  return (
    <p class="source">
      <Tag tone={source === 'redis' ? 'good' : 'accent'}>{source === 'redis' ? 'Redis' : 'the log'}</Tag>
      {source === 'redis'
        ? `${place}: each event once, also after a crash.`
        : `${place}, the last quarter of an hour. Give a Redis (--redis) for counters that are exact and outlive a restart.`}
      {left > 0
        ? ` In no counter: ${count(leftOut.late)} too late, ${count(leftOut.future)} dated ahead, ${count(leftOut.unusable)} unusable.`
        : ''}
    </p>
  );
}

function Minutes({ minutes }: { minutes: CountedMinute[] }) {
  const kinds = useMemo(() => busiest(minutes.flatMap(({ counts }) => Object.entries(counts))), [minutes]);
  const games = useMemo(() => busiest(minutes.map((one) => [one.game, totalOf(one)])), [minutes]);
  const [kind, setKind] = useState('');
  const [game, setGame] = useState('');
  const shown = useMemo(() => newestFirst(minutes, game), [minutes, game]);
  const columns = useMemo(() => columnsOf(kinds.slice(0, maxKinds)), [kinds.slice(0, maxKinds).join('\u0000')]);
  const lines = useMemo(() => linesOf(minutes, game === '' ? games : [game], kind), [minutes, games, game, kind]);
  return (
    <>
      <div class="filters">
        <Choice label="Game" all="all games" values={games} value={game} onChoose={setGame} />
        <Choice label="Kind of event" all="all kinds" values={kinds} value={kind} onChoose={setKind} />
      </div>
      <Card title={kind === '' ? 'Events per minute' : `Events “${kind}” per minute`} note="by game, full minutes">
        {lines.times.length < 2 ? (
          <Empty title="Waiting for the second full minute" />
        ) : (
          <Chart label={`${kind || 'events'} per minute by game`} times={lines.times} series={lines.series} />
        )}
      </Card>
      <Card title={plural(shown.length, 'line')} note="newest first, the minute that is running on top">
        <VirtualTable
          label="Counters by minute and game"
          rows={shown}
          columns={columns}
          rowKey={(one) => `${one.minuteMs}/${one.game}`}
          maxRows={12}
        />
      </Card>
    </>
  );
}

function Choice({
  label,
  all,
  values,
  value,
  onChoose,
}: {
  label: string;
  all: string;
  values: readonly string[];
  value: string;
  onChoose: (value: string) => void;
}) {
  return (
    <Field label={label}>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">{all}</option>
        <Options values={values} />
      </select>
    </Field>
  );
}

function totalOf({ counts }: CountedMinute): number {
  return Object.values(counts).reduce((sum, value) => sum + value, 0);
}

function newestFirst(minutes: readonly CountedMinute[], game: string): CountedMinute[] {
  const wanted = minutes.filter((one) => game === '' || one.game === game);
  return wanted.sort((a, b) => b.minuteMs - a.minuteMs || totalOf(b) - totalOf(a));
}

/** Names by what they come to, the most first. */
function busiest(pairs: readonly (readonly [string, number])[]): string[] {
  const sums = new Map<string, number>();
  for (const [name, value] of pairs) sums.set(name, (sums.get(name) ?? 0) + value);
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
}

function columnsOf(kinds: readonly string[]): TableColumn<CountedMinute>[] {
  return [
    { key: 'minute', title: 'Minute', width: '52px', cell: (one) => clockTime(one.minuteMs) },
    { key: 'game', title: 'Game', width: 'minmax(48px, 1fr)', cell: ({ game }) => <span title={game}>{game}</span> },
    { key: 'total', title: 'All', width: 'minmax(60px, 1fr)', align: 'right', cell: (one) => count(totalOf(one)) },
    ...kinds.map(
      (kind): TableColumn<CountedMinute> => ({
        key: `kind ${kind}`,
        title: kind,
        width: 'minmax(70px, 1fr)',
        align: 'right',
        cell: ({ counts }) => count(counts[kind] ?? 0),
      }),
    ),
  ];
}

/** One line a game; a minute without an event is a zero, and the one that is running is left out. */
function linesOf(minutes: readonly CountedMinute[], games: readonly string[], kind: string) {
  const running = Math.floor(Date.now() / minuteMs) * minuteMs;
  const full = minutes.filter((one) => one.minuteMs < running);
  const [first, last] = [full[0]?.minuteMs, full.at(-1)?.minuteMs];
  if (first === undefined || last === undefined) return { times: [], series: [] };
  const found = new Map(full.map((one) => [`${one.minuteMs}/${one.game}`, one]));
  const starts = Array.from({ length: (last - first) / minuteMs + 1 }, (_, i) => first + i * minuteMs);
  const series = games.slice(0, colorCount).map((game): ChartSeries => {
    const values = starts.map((at) => {
      const one = found.get(`${at}/${game}`);
      return one === undefined ? 0 : kind === '' ? totalOf(one) : (one.counts[kind] ?? 0);
    });
    return { name: game, values };
  });
  return { times: starts.map((at) => at / 1000), series };
}

function Positions({ counters: { positions } }: { counters: Counters }) {
  return (
    <Card title="Counted up to" note="positions kept with the counters">
      <VirtualTable
        label="Positions of the counters"
        rows={positions}
        columns={positionColumns}
        rowKey={({ topic, partition }) => `${topic}/${partition}`}
        maxRows={8}
      />
    </Card>
  );
}

const positionColumns: readonly TableColumn<Counters['positions'][number]>[] = [
  { key: 'place', title: 'Partition', width: 'minmax(9rem, 1fr)', cell: (one) => `${one.topic}-${one.partition}` },
  { key: 'next', title: 'Next offset', width: 'minmax(7rem, 1fr)', align: 'right', cell: ({ next }) => count(next) },
  { key: 'end', title: 'Log end', width: 'minmax(7rem, 1fr)', align: 'right', cell: ({ end }) => count(end) },
  {
    key: 'behind',
    title: 'Behind',
    width: 'minmax(6rem, 1fr)',
    align: 'right',
    cell: ({ next, end }) => (end === null ? '–' : compact(Math.max(0, Number(BigInt(end) - BigInt(next))))),
  },
];
