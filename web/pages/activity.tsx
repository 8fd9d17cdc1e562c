import type { AuditAnswer, AuditEntry } from '../../src/console/answers.ts';
import { dateTime } from '../format.ts';
import { Card, Empty, Loading, PageHead, Problem, Tag } from '../parts/basics.tsx';
import { type TableColumn, VirtualTable } from '../parts/virtual-table.tsx';
import type { Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

const tones = { asked: '', done: 'good', failed: 'bad', refused: 'warn' } as const;

const columns: readonly TableColumn<AuditEntry>[] = [
  { key: 'at', title: 'When', width: '11rem', cell: ({ at }) => dateTime(Date.parse(at)) },
  { key: 'who', title: 'Who', width: '6rem', cell: ({ who, from }) => <span title={from}>{who}</span> },
  { key: 'action', title: 'What', width: '8rem', cell: ({ action }) => action },
  {
    key: 'target',
    title: 'On what',
    width: 'minmax(13rem, 1.6fr)',
    cell: ({ target }) => <code title={JSON.stringify(target)}>{targetText(target)}</code>,
  },
  {
    key: 'reason',
    title: 'Why',
    width: 'minmax(10rem, 1fr)',
    cell: ({ reason }) => <span title={reason}>{reason}</span>,
  },
  {
    key: 'outcome',
    title: 'Outcome',
    width: '6rem',
    cell: ({ outcome, detail }) => (
      <span title={detail}>
        <Tag tone={tones[outcome]}>{outcome}</Tag>
      </span>
    ),
  },
];

export function ActivityPage(_: { place: Place }) {
  const { data, error } = useQuery<AuditAnswer>('/api/audit', 3000);
  return (
    <>
      <PageHead title="Activity">
        What operators did here, and why. Newest first, since the console was started.
      </PageHead>
      <Problem text={error} />
      <Card>
        {!data && !error ? <Loading what="activity" /> : null}
        {data?.entries.length === 0 ? (
          <Empty title="Nothing yet">Every action of an operator is written down here before it is done.</Empty>
        ) : null}
        {data && data.entries.length > 0 ? (
          <VirtualTable label="Activity" rows={data.entries} columns={columns} rowKey={(_, i) => i} />
        ) : null}
      </Card>
    </>
  );
}

function targetText(target: unknown): string {
  if (typeof target !== 'object' || target === null) return String(target);
  return Object.entries(target)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}
