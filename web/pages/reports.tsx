import { useState } from 'preact/hooks';
import type { ReportDayLine, ReportsAnswer } from '../../src/console/answers.ts';
import { Card, Empty, Field, Loading, PageHead, Problem } from '../parts/basics.tsx';
import { TableChoice } from '../parts/table-page.tsx';
import { linkTo, type Place } from '../route.ts';
import { useQuery } from '../use-query.ts';
import { ReportView } from './reports/report-view.tsx';

export function ReportsPage({ place }: { place: Place }) {
  const [wanted] = place.rest;
  const path = `/api/reports${wanted === undefined ? '' : `?table=${encodeURIComponent(wanted)}`}`;
  const { data, error } = useQuery<ReportsAnswer>(path, 30_000);
  const choice = data ? <TableChoice page="reports" tables={data.tables} table={data.table ?? undefined} /> : null;
  const [game, date] = [place.query.get('game'), place.query.get('date')];
  return (
    <>
      <PageHead title="Reports" actions={choice}>
        How a game did on one day, against the day before. What each figure means is said in it.
      </PageHead>
      <Problem text={error} />
      {!data && !error ? <Loading what="days" /> : null}
      {data?.table === null ? (
        <Card>
          <Empty title="No tables yet">A table is there as soon as a topic has been loaded.</Empty>
        </Card>
      ) : null}
      {data && data.table !== null ? <Choice key={data.table} data={data} table={data.table} place={place} /> : null}
      {data && data.table !== null && game && date ? (
        <ReportView key={`${data.table}/${game}/${date}`} table={data.table} game={game} date={date} />
      ) : null}
    </>
  );
}

function Choice({ data: { games, days, zone }, table, place }: { data: ReportsAnswer; table: string; place: Place }) {
  const whole = days.find(isWhole) ?? days[0];
  const [game, setGame] = useState(place.query.get('game') ?? games[0] ?? '');
  const [date, setDate] = useState(place.query.get('date') ?? whole?.date ?? '');
  const show = (event: Event): void => {
    event.preventDefault();
    location.hash = linkTo('reports', [table], { game, date });
  };
  return (
    <Card>
      <form class="filters" onSubmit={show}>
        <Field label="Game">
          <input
            name="game"
            list="games"
            required
            autocomplete="off"
            value={game}
            onInput={(event) => setGame(event.currentTarget.value)}
          />
        </Field>
        <datalist id="games">
          {games.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Field label={`Day (${zone})`}>
          <select name="date" required value={date} onChange={(event) => setDate(event.currentTarget.value)}>
            {days.some((day) => day.date === date) || date === '' ? null : <option value={date}>{date}</option>}
            {days.map((day) => (
              <option key={day.date} value={day.date}>{`${day.date} · ${stateOf(day)}`}</option>
            ))}
          </select>
        </Field>
        <button type="submit" class="primary" disabled={game === '' || date === ''}>
          Show report
        </button>
      </form>
    </Card>
  );
}

function isWhole({ completeCount, hourCount }: ReportDayLine): boolean {
  return hourCount > 0 && completeCount === hourCount;
}

function stateOf(day: ReportDayLine): string {
  return isWhole(day) ? 'complete' : `${day.completeCount} of ${day.hourCount} hours complete`;
}
