import type { HourDetailAnswer, Json } from '../../../src/console/answers.ts';
import { bytes, count, dateTime, plural } from '../../format.ts';
import { Card, Facts, Loading, Problem } from '../../parts/basics.tsx';
import { useQuery } from '../../use-query.ts';

/** One hour in full: its state, what it holds, or what it waits for. */
export function HourDetail({ table, hour }: { table: string; hour: string }) {
  const path = `/api/tables/${encodeURIComponent(table)}/hours/${encodeURIComponent(hour)}`;
  const { data, error } = useQuery<Json<HourDetailAnswer>>(path, 5000);
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
      <Facts facts={facts} />
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
