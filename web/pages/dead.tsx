import { useState } from 'preact/hooks';
import type { DeadAnswer, Json } from '../../src/console/answers.ts';
import { count, dateTime, plural } from '../format.ts';
import { Card, Empty, Field, Loading, Options, Problem } from '../parts/basics.tsx';
import { TablePage } from '../parts/table-page.tsx';
import { type TableColumn, VirtualTable } from '../parts/virtual-table.tsx';
import { linkTo, type Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

export function DeadPage({ place }: { place: Place }) {
  return (
    <TablePage
      page="dead"
      title="Dead letters"
      lead="Records that became no row, each with the reason. Replay them with “sluice dead replay”."
      place={place}
      view={Letters}
    />
  );
}

function Letters({ table }: { table: string }) {
  const [code, setCode] = useState('');
  const path = `/api/tables/${encodeURIComponent(table)}/dead?limit=200${code ? `&code=${encodeURIComponent(code)}` : ''}`;
  const { data, error } = useQuery<Json<DeadAnswer>>(path, 10_000);
  const codes = [...new Set((data?.counts ?? []).map((one) => one.code))];
  const total = (data?.counts ?? []).reduce((sum, one) => sum + one.count, 0);
  if (!data) return error ? <Problem text={error} /> : <Loading what="dead letters" />;
  if (total === 0) {
    return (
      <Card>
        <Empty title={`No dead letters in ${table}`}>Every record that was read has become a row.</Empty>
      </Card>
    );
  }
  return (
    <>
      <Problem text={error} />
      <Card title={`${count(total)}${data.isCut ? ' and more' : ''} in ${table}`} note="by partition and reason">
        <VirtualTable
          label="Dead letters by reason"
          rows={data.counts}
          columns={countColumns}
          rowKey={(row) => `${row.partition}/${row.code}`}
          maxRows={8}
        />
      </Card>
      <Card title={plural(data.letters.length, 'record')}>
        <div class="filters">
          <Field label="Reason">
            <select value={code} onChange={(event) => setCode(event.currentTarget.value)}>
              <option value="">all</option>
              <Options values={codes} />
            </select>
          </Field>
        </div>
        <ul class="letters">
          {data.letters.map((letter) => (
            <li key={`${letter.topic}/${letter.partition}/${letter.offset}`}>
              <p>
                <strong>{letter.code}</strong> {letter.reason}
              </p>
              <p class="muted">
                <a
                  href={linkTo('messages', [letter.topic], {
                    partition: String(letter.partition),
                    offset: letter.offset,
                  })}
                >{`${letter.topic}-${letter.partition}`}</a>
                {` offset ${count(letter.offset)}, ${dateTime(Number(letter.timestamp))}${letter.key === null ? '' : `, key ${letter.key}`}`}
              </p>
              <pre>{letter.value ?? 'null'}</pre>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

const countColumns: readonly TableColumn<DeadAnswer['counts'][number]>[] = [
  { key: 'partition', title: 'Partition', width: '6rem', cell: ({ partition }) => partition },
  { key: 'code', title: 'Reason', width: '11rem', cell: ({ code }) => code },
  { key: 'count', title: 'Count', width: '7rem', align: 'right', cell: (row) => count(row.count) },
  {
    key: 'example',
    title: 'For example',
    width: 'minmax(14rem, 1fr)',
    cell: ({ example }) => <span title={example}>{example}</span>,
  },
];
