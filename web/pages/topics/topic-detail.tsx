import { useMemo, useState } from 'preact/hooks';
import type { GroupsAnswer, Json, PartitionsAnswer } from '../../../src/console/answers.ts';
import { plural } from '../../format.ts';
import { Card, Field, Loading, PageHead, Problem, Tabs } from '../../parts/basics.tsx';
import { ActionButton } from '../../parts/confirm.tsx';
import { VirtualTable } from '../../parts/virtual-table.tsx';
import { linkTo } from '../../route.ts';
import { useIsOperator } from '../../session.ts';
import { useQuery } from '../../use-query.ts';
import { type Partition, partitionColumns } from './partition-columns.tsx';
import { PartitionDetail } from './partition-detail.tsx';

const refreshMs = 3000;

export function TopicDetail({ topic }: { topic: string }) {
  const isOperator = useIsOperator();
  const [group, setGroup] = useState('');
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<number | null>(null);
  const query = group ? `?group=${encodeURIComponent(group)}` : '';
  const path = `/api/topics/${encodeURIComponent(topic)}/partitions${query}`;
  const { data, error, reload } = useQuery<Json<PartitionsAnswer>>(path, refreshMs);
  const groups = useQuery<GroupsAnswer>('/api/groups', 10_000).data?.groups ?? [];
  const rows = useMemo(() => filterRows(data?.partitions ?? [], search), [data, search]);
  const columns = useMemo(() => partitionColumns(group !== ''), [group]);
  const open = data?.partitions.find(({ partition }) => partition === chosen) ?? null;
  return (
    <>
      <PageHead
        title={topic}
        actions={
          isOperator && data?.table ? (
            <ActionButton
              class="quiet"
              action={{
                name: 'roll',
                verb: 'Roll now',
                title: `Roll all partitions of ${topic} now?`,
                explanation:
                  'Their owners end the open files and commit them at their next look. Many small files may come of it.',
                body: { table: data.table, partition: null },
              }}
              onDone={reload}
            />
          ) : null
        }
      >
        {data
          ? `${plural(data.partitions.length, 'partition')}${data.table ? `, loaded into table ${data.table}` : ', not loaded'}`
          : ' '}
      </PageHead>
      <Tabs
        label="Topic"
        tabs={[
          { href: linkTo('topics', [topic]), text: 'Partitions', isHere: true },
          { href: linkTo('messages', [topic]), text: 'Messages', isHere: false },
        ]}
      />
      <Problem text={error ?? data?.problem} />
      <Card>
        <div class="filters">
          <Field label="Find">
            <input
              type="search"
              placeholder="3, paused…"
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </Field>
          <Field label="Positions of group">
            <select value={group} onChange={(event) => setGroup(event.currentTarget.value)}>
              <option value="">none</option>
              {groups.map(({ groupId, state }) => (
                <option key={groupId} value={groupId}>
                  {state ? `${groupId} (${state})` : groupId}
                </option>
              ))}
            </select>
          </Field>
          <p class="filter-note" role="status">
            {data ? `${plural(rows.length, 'partition')}` : ''}
          </p>
        </div>
        {!data && !error ? <Loading what="partitions" /> : null}
        {data ? (
          <VirtualTable
            label={`Partitions of ${topic}`}
            rows={rows}
            columns={columns}
            rowKey={({ partition }) => partition}
            onOpen={({ partition }) => setChosen(partition === chosen ? null : partition)}
            isOpen={({ partition }) => partition === chosen}
          />
        ) : null}
      </Card>
      {open ? <PartitionDetail topic={topic} table={data?.table ?? null} found={open} onDone={reload} /> : null}
    </>
  );
}

function filterRows(rows: readonly Partition[], search: string): readonly Partition[] {
  const text = search.trim().toLowerCase();
  if (text === '') return rows;
  if (/^\d+$/.test(text)) return rows.filter(({ partition }) => String(partition).startsWith(text));
  return rows.filter((row) => {
    const words = [
      row.owner ?? 'no owner',
      row.rollCause ?? '',
      row.pause ? 'paused' : '',
      row.problem ? 'problem' : '',
    ];
    return words.join(' ').toLowerCase().includes(text);
  });
}
