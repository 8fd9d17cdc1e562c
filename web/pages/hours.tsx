import { useMemo, useState } from 'preact/hooks';
import type { HoursAnswer, Json, ShownHour } from '../../src/console/answers.ts';
import { count } from '../format.ts';
import { Card, Empty, Field, Loading, Problem } from '../parts/basics.tsx';
import { ActionButton } from '../parts/confirm.tsx';
import { TablePage } from '../parts/table-page.tsx';
import type { Place } from '../route.ts';
import { useIsOperator } from '../session.ts';
import { useQuery } from '../use-query.ts';
import { HourDetail } from './hours/hour-detail.tsx';

/** In the order in which an hour goes through them, with the sign that tells them apart without colours. */
const states: readonly { status: ShownHour['status']; sign: string; words: string }[] = [
  { status: 'open', sign: '', words: 'records may still come on time' },
  { status: 'closed', sign: '…', words: 'its ends are noted, the rest is landing' },
  { status: 'complete', sign: '✓', words: 'everything has landed, the manifest proves it' },
  { status: 'amended', sign: '✓+', words: 'complete, and rows came or went after that' },
  { status: 'expired', sign: '×', words: 'past the retention, its rows were taken out' },
];
const signs = Object.fromEntries(states.map(({ status, sign }) => [status, sign])) as Record<
  ShownHour['status'],
  string
>;

const dayChoices = [14, 31, 62];

export function HoursPage({ place }: { place: Place }) {
  const lead = 'Which hours are whole: whoever reads a complete hour has all of it.';
  return <TablePage page="hours" title="Hours" lead={lead} place={place} view={Calendar} />;
}

function Calendar({ table }: { table: string }) {
  const [dayCount, setDayCount] = useState(dayChoices[0]!);
  const path = `/api/tables/${encodeURIComponent(table)}/hours?last=${24 * dayCount}`;
  const { data, error, reload } = useQuery<Json<HoursAnswer>>(path, dayCount > 14 ? 30_000 : 10_000);
  const [chosen, setChosen] = useState<string | null>(null);
  const days = useMemo(() => daysOf(data?.hours ?? []), [data]);
  return (
    <>
      <Problem text={error} />
      <Card title={table} note={data ? `${data.unit === 'day' ? 'days' : 'hours'} of ${data.zone}, newest first` : ''}>
        {!data && !error ? <Loading what="hours" /> : null}
        {data?.hours.length === 0 ? <Empty title="No hours yet" /> : null}
        {data && days.length > 0 ? (
          <>
            <Key hours={data.hours} />
            <div class="calendar-box" tabIndex={0} role="group" aria-label={`Hours of ${table}`}>
              <div class={`calendar by-${data.unit}`}>
                {data.unit === 'hour' ? <HourScale /> : null}
                {days.map(({ day, hours }) => (
                  <DayRow key={day} day={day} hours={hours} unit={data.unit} chosen={chosen} onChoose={setChosen} />
                ))}
              </div>
            </div>
            <div class="calendar-foot">
              <CloseHours table={table} onDone={reload} />
              <Field label="Shown">
                <select value={dayCount} onChange={(event) => setDayCount(Number(event.currentTarget.value))}>
                  {dayChoices.map((choice) => (
                    <option key={choice} value={choice}>{`${choice} days`}</option>
                  ))}
                </select>
              </Field>
            </div>
          </>
        ) : null}
      </Card>
      {chosen === null ? null : <HourDetail key={chosen} table={table} hour={chosen} />}
    </>
  );
}

/** What the signs mean, and how many hours are in each state. */
function Key({ hours }: { hours: readonly ShownHour[] }) {
  return (
    <ul class="key">
      {states.map(({ status, sign, words }) => (
        <li key={status}>
          <span class={`hour ${status}`} aria-hidden="true">
            {sign}
          </span>
          <span>
            <strong>{`${count(hours.filter((hour) => hour.status === status).length)} ${status}`}</strong>
            <br />
            {words}
          </span>
        </li>
      ))}
    </ul>
  );
}

function CloseHours({ table, onDone }: { table: string; onDone: () => void }) {
  const isOperator = useIsOperator();
  if (!isOperator) return null;
  const explanation =
    'The ends of all partitions are noted for the hours that ended more than ten minutes ago, and hours of which everything has landed become complete. Safe to repeat.';
  const title = `Close the hours of ${table} that are over?`;
  const action = { name: 'close-hours', verb: 'Close hours', title, explanation, body: { table } };
  return <ActionButton action={action} onDone={onDone} class="quiet" />;
}

/** Newest day first. */
function daysOf(hours: readonly ShownHour[]): { day: string; hours: ShownHour[] }[] {
  const days = new Map<string, ShownHour[]>();
  for (const hour of hours) {
    const day = hour.hour.slice(0, 10);
    const list = days.get(day);
    if (list) list.push(hour);
    else days.set(day, [hour]);
  }
  return [...days].map(([day, list]) => ({ day, hours: list })).reverse();
}

function HourScale() {
  return (
    <div class="calendar-row scale" aria-hidden="true">
      <span />
      {Array.from({ length: 24 }, (_, hour) => (
        <span key={hour}>{hour % 3 === 0 ? String(hour).padStart(2, '0') : ''}</span>
      ))}
    </div>
  );
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function DayRow({
  day,
  hours,
  unit,
  chosen,
  onChoose,
}: {
  day: string;
  hours: ShownHour[];
  unit: 'hour' | 'day';
  chosen: string | null;
  onChoose: (hour: string) => void;
}) {
  const columnOf = ({ hour }: ShownHour): number => (unit === 'hour' ? Number(hour.slice(11)) + 2 : 2);
  const taken = new Set(hours.map(columnOf));
  const free = Array.from({ length: unit === 'hour' ? 24 : 0 }, (_, i) => i + 2).filter((column) => !taken.has(column));
  return (
    <div class="calendar-row">
      <span class="day">
        <span class="weekday">{weekdays[new Date(`${day}T12:00:00Z`).getUTCDay()]}</span> {day}
      </span>
      {free.map((column) => (
        <span key={column} class="hour none" style={{ gridColumn: String(column), gridRow: '1' }} aria-hidden="true" />
      ))}
      {hours.map((one) => (
        <button
          key={one.hour}
          type="button"
          class={`hour ${one.status}`}
          style={{ gridColumn: String(columnOf(one)), gridRow: '1' }}
          aria-label={`${one.hour}: ${one.status}`}
          aria-pressed={one.hour === chosen}
          title={`${one.hour}: ${one.status}`}
          onClick={() => onChoose(one.hour)}
        >
          {signs[one.status]}
        </button>
      ))}
    </div>
  );
}
