import { useMemo, useState } from 'preact/hooks';
import { bytes, count, dateTime, plural } from '../format.ts';
import { Card, Empty, Loading, PageHead, Problem } from '../parts/basics.tsx';
import { ActionButton } from '../parts/confirm.tsx';
import { useTable } from '../parts/table-choice.tsx';
import type { Place } from '../route.ts';
import { useIsOperator } from '../session.ts';
import { useQuery } from '../use-query.ts';

interface Hour {
  hour: string;
  folder: string;
  startMs: number;
  endMs: number;
  status: 'open' | 'closed' | 'complete' | 'amended';
  revision: number;
  manifest: string | null;
  sinceMs: number | null;
  isReady: boolean;
  reason: string | null;
}

interface HourAnswer extends Hour {
  lags: { topic: string; partition: number; lag: string; checkpoint: string | null; end: string }[];
  manifestSums: { files: number; rows: string; bytes: string } | null;
}

const meanings: [Hour['status'], string][] = [
  ['open', 'records may still come on time'],
  ['closed', 'its ends are noted, the rest is landing'],
  ['complete', 'everything has landed, the manifest proves it'],
  ['amended', 'complete, and rows came or went after that'],
];
const letters = { open: '', closed: '…', complete: '✓', amended: '✓+' };

export function HoursPage({ place }: { place: Place }) {
  const { table, choice, error, isEmpty } = useTable('hours', place.rest[0]);
  return (
    <>
      <PageHead title="Hours" actions={choice}>
        Which hours are whole: whoever reads a complete hour has all of it.
      </PageHead>
      <Problem text={error} />
      {isEmpty ? (
        <Card>
          <Empty title="No tables yet">A table is there as soon as a topic has been loaded.</Empty>
        </Card>
      ) : null}
      {table === undefined ? null : <Calendar key={table} table={table} />}
    </>
  );
}

function Calendar({ table }: { table: string }) {
  const isOperator = useIsOperator();
  const path = `/api/tables/${encodeURIComponent(table)}/hours?last=${24 * 14}`;
  const { data, error, reload } = useQuery<{ zone: string; unit: 'hour' | 'day'; hours: Hour[] }>(path, 10_000);
  const [chosen, setChosen] = useState<string | null>(null);
  const days = useMemo(() => daysOf(data?.hours ?? []), [data]);
  const action = {
    name: 'close-hours',
    verb: 'Close hours',
    title: `Close the hours of ${table} that are over?`,
    explanation:
      'The ends of all partitions are noted for the hours that ended more than ten minutes ago, and hours of which everything has landed become complete. Safe to repeat.',
    body: { table },
  };
  return (
    <>
      <Problem text={error} />
      <Card title={table} note={data ? `${data.unit === 'day' ? 'days' : 'hours'} of ${data.zone}` : ''}>
        {!data && !error ? <Loading what="hours" /> : null}
        {data?.hours.length === 0 ? <Empty title="No hours yet" /> : null}
        {days.length > 0 ? (
          <>
            <ul class="key">
              {meanings.map(([status, words]) => (
                <li key={status}>
                  <span class={`hour ${status}`} aria-hidden="true">
                    {letters[status]}
                  </span>
                  <strong>{status}</strong> {words}
                </li>
              ))}
            </ul>
            <div class="calendar-box" tabIndex={0} role="group" aria-label={`Hours of ${table}`}>
              <div class={`calendar by-${data?.unit ?? 'hour'}`}>
                {data?.unit === 'hour' ? <HourScale /> : null}
                {days.map(({ day, hours }) => (
                  <DayRow key={day} day={day} hours={hours} chosen={chosen} onChoose={setChosen} />
                ))}
              </div>
            </div>
            {isOperator ? (
              <div class="buttons">
                <ActionButton action={action} onDone={reload} class="quiet" />
              </div>
            ) : null}
          </>
        ) : null}
      </Card>
      {chosen === null ? null : <HourDetail key={chosen} table={table} hour={chosen} />}
    </>
  );
}

/** Newest day first. */
function daysOf(hours: readonly Hour[]): { day: string; hours: Hour[] }[] {
  const days = new Map<string, Hour[]>();
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

function DayRow({
  day,
  hours,
  chosen,
  onChoose,
}: {
  day: string;
  hours: Hour[];
  chosen: string | null;
  onChoose: (hour: string) => void;
}) {
  return (
    <div class="calendar-row">
      <span class="day">{day}</span>
      {hours.map(({ hour, status }) => {
        const column = hour.length > 10 ? Number(hour.slice(11)) + 2 : 2;
        return (
          <button
            key={hour}
            type="button"
            class={`hour ${status}`}
            style={{ gridColumn: String(column) }}
            aria-label={`${hour}: ${status}`}
            aria-pressed={hour === chosen}
            title={`${hour}: ${status}`}
            onClick={() => onChoose(hour)}
          >
            {letters[status]}
          </button>
        );
      })}
    </div>
  );
}

function HourDetail({ table, hour }: { table: string; hour: string }) {
  const path = `/api/tables/${encodeURIComponent(table)}/hours/${encodeURIComponent(hour)}`;
  const { data, error } = useQuery<HourAnswer>(path, 5000);
  if (!data) return error ? <Problem text={error} /> : <Loading what={hour} />;
  const { status, revision, reason, sinceMs, folder, manifest, manifestSums, lags } = data;
  const facts: [string, string][] = [
    ['State', `${status}${sinceMs === null ? '' : `, recorded ${dateTime(sinceMs)}`}`],
    ['From', `${dateTime(data.startMs)} to ${dateTime(data.endMs)} (your time)`],
    ['Folder', folder],
    ...(manifestSums
      ? [
          [
            'Holds',
            `${count(manifestSums.rows)} rows in ${plural(manifestSums.files, 'file')}, ${bytes(manifestSums.bytes)}`,
          ] as [string, string],
        ]
      : []),
    ...(manifest ? [['Manifest', `${manifest} (revision ${revision})`] as [string, string]] : []),
    ...(reason ? [['Waits', reason] as [string, string]] : []),
  ];
  return (
    <Card title={hour}>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {lags.length > 0 ? (
        <ul class="plain-list">
          {lags.slice(0, 50).map(({ topic, partition, lag, checkpoint, end }) => (
            <li
              key={`${topic}/${partition}`}
            >{`${topic}-${partition}: ${count(lag)} behind (checkpoint ${count(checkpoint)}, end ${count(end)})`}</li>
          ))}
        </ul>
      ) : null}
    </Card>
  );
}
