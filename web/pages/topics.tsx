import { useMemo, useState } from 'preact/hooks';
import { ago, compact, count, dateTime, duration, plural } from '../format.ts';
import { Card, Empty, Field, Loading, PageHead, Problem, Tabs, Tag } from '../parts/basics.tsx';
import { ActionButton } from '../parts/confirm.tsx';
import { type TableColumn, VirtualTable } from '../parts/virtual-table.tsx';
import { linkTo, type Place } from '../route.ts';
import { useIsOperator } from '../session.ts';
import { useQuery } from '../use-query.ts';

interface Topic {
  name: string;
  isInternal: boolean;
  partitionCount: number;
  problem: string | null;
  kept: string;
  appended: string;
  table: string | null;
  lag: string | null;
  ownedCount: number;
}

interface Partition {
  partition: number;
  leader: number;
  start: string;
  end: string;
  checkpoint: string | null;
  lag: string | null;
  lagMs: number | null;
  owner: string | null;
  ownerWords: string | null;
  rollCause: string | null;
  rolledAtMs: number | null;
  groupOffset: string | null;
  groupLag: string | null;
  pause: { by: string; reason: string; atMs: number } | null;
  problem: string | null;
}

const refreshMs = 3000;

export function TopicsPage({ place }: { place: Place }) {
  const [topic] = place.rest;
  return topic === undefined ? <TopicList /> : <TopicDetail key={topic} topic={topic} />;
}

function TopicList() {
  const { data, error } = useQuery<{ topics: Topic[]; problems: string[] }>('/api/topics', refreshMs);
  const [withInternal, setInternal] = useState(false);
  const topics = data?.topics.filter(({ isInternal }) => withInternal || !isInternal) ?? [];
  const hidden = (data?.topics.length ?? 0) - topics.length;
  return (
    <>
      <PageHead
        title="Topics"
        actions={
          <label class="check">
            <input
              type="checkbox"
              checked={withInternal}
              onChange={(event) => setInternal(event.currentTarget.checked)}
            />
            Internal topics{hidden > 0 ? ` (${hidden})` : ''}
          </label>
        }
      >
        What the log holds, and how far each topic has been loaded.
      </PageHead>
      <Problem text={error ?? data?.problems.join(' · ')} />
      <Card>
        {!data && !error ? <Loading what="topics" /> : null}
        {data && topics.length === 0 ? (
          <Empty title="No topics yet">A topic is there as soon as somebody writes to it.</Empty>
        ) : null}
        {topics.length > 0 ? (
          <VirtualTable
            label="Topics"
            rows={topics}
            columns={topicColumns}
            rowKey={({ name }) => name}
            minWidth={760}
          />
        ) : null}
      </Card>
    </>
  );
}

const topicColumns: readonly TableColumn<Topic>[] = [
  {
    key: 'name',
    title: 'Topic',
    width: 'minmax(11rem, 2fr)',
    cell: ({ name }) => <a href={linkTo('topics', [name])}>{name}</a>,
  },
  {
    key: 'partitions',
    title: 'Partitions',
    width: '7rem',
    align: 'right',
    cell: ({ partitionCount }) => count(partitionCount),
  },
  { key: 'kept', title: 'Records kept', width: '9rem', align: 'right', cell: ({ kept }) => count(kept) },
  { key: 'appended', title: 'Ever appended', width: '9rem', align: 'right', cell: ({ appended }) => count(appended) },
  { key: 'lag', title: 'Waiting', width: '8rem', align: 'right', cell: ({ lag }) => count(lag) },
  {
    key: 'state',
    title: 'Loaded',
    width: 'minmax(9rem, 1fr)',
    cell: ({ problem, table, ownedCount, partitionCount }) => {
      if (problem) return <Tag tone="bad">{problem}</Tag>;
      if (table === null) return <span class="muted">not loaded</span>;
      return ownedCount === 0 ? (
        <Tag tone="warn">no owner</Tag>
      ) : (
        <Tag tone="good">{`${ownedCount} of ${partitionCount} owned`}</Tag>
      );
    },
  },
];

function TopicDetail({ topic }: { topic: string }) {
  const isOperator = useIsOperator();
  const [group, setGroup] = useState('');
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<number | null>(null);
  const query = group ? `?group=${encodeURIComponent(group)}` : '';
  const path = `/api/topics/${encodeURIComponent(topic)}/partitions${query}`;
  const { data, error, reload } = useQuery<{ table: string | null; problem: string | null; partitions: Partition[] }>(
    path,
    refreshMs,
  );
  const groups = useQuery<{ groups: { groupId: string; state: string }[] }>('/api/groups', 10_000).data?.groups ?? [];
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
              placeholder="3, paused, no owner…"
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
            minWidth={group ? 1120 : 900}
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

function partitionColumns(withGroup: boolean): TableColumn<Partition>[] {
  const right = 'right' as const;
  return [
    {
      key: 'partition',
      title: 'Partition',
      width: '5rem',
      cell: ({ partition }) => (
        <button type="button" class="link" aria-label={`Partition ${partition}`}>
          {partition}
        </button>
      ),
    },
    { key: 'start', title: 'Log start', width: 'minmax(5rem, 1fr)', align: right, cell: ({ start }) => count(start) },
    { key: 'end', title: 'Log end', width: 'minmax(6rem, 1fr)', align: right, cell: ({ end }) => count(end) },
    {
      key: 'checkpoint',
      title: 'Checkpoint',
      width: 'minmax(6rem, 1fr)',
      align: right,
      cell: ({ checkpoint }) => count(checkpoint),
    },
    { key: 'lag', title: 'Lag', width: 'minmax(4.5rem, 0.7fr)', align: right, cell: ({ lag }) => count(lag) },
    {
      key: 'lagMs',
      title: 'In time',
      width: '5.5rem',
      align: right,
      cell: ({ lagMs, lag }) => (lag === '0' ? '0 s' : duration(lagMs)),
    },
    ...(withGroup
      ? [
          {
            key: 'group',
            title: 'Group at',
            width: 'minmax(6rem, 1fr)',
            align: right,
            cell: ({ groupOffset }: Partition) => count(groupOffset),
          },
          {
            key: 'groupLag',
            title: 'Group lag',
            width: 'minmax(6rem, 0.7fr)',
            align: right,
            cell: ({ groupLag }: Partition) => count(groupLag),
          },
        ]
      : []),
    { key: 'owner', title: 'Owner', width: 'minmax(7.5rem, 1.3fr)', cell: ownerCell },
    {
      key: 'roll',
      title: 'Last roll',
      width: 'minmax(9.5rem, 1.3fr)',
      cell: ({ rollCause, rolledAtMs }) => (rollCause ? `${rollCause}, ${ago(rolledAtMs)}` : '–'),
    },
  ];
}

function ownerCell({ pause, problem, owner, ownerWords, checkpoint }: Partition) {
  if (problem) return <Tag tone="bad">problem</Tag>;
  if (pause) return <Tag tone="warn">paused</Tag>;
  if (owner) return <span title={ownerWords ?? ''}>{owner}</span>;
  return checkpoint === null ? <span class="muted">not loaded</span> : <Tag tone="warn">no owner</Tag>;
}

function PartitionDetail({
  topic,
  table,
  found,
  onDone,
}: {
  topic: string;
  table: string | null;
  found: Partition;
  onDone: () => void;
}) {
  const isOperator = useIsOperator();
  const { partition, pause, lag, lagMs } = found;
  const body = { table, partition };
  const facts: [string, string][] = [
    ['Leader', `node ${found.leader}`],
    ['Log', `${count(found.start)} to ${count(found.end)}`],
    ['Checkpoint', count(found.checkpoint)],
    ['Lag', lag === null ? '–' : `${plural(Number(lag), 'record')}, ${duration(lagMs)}`],
    ['Owner', found.ownerWords ?? 'nobody'],
    ['Last roll', found.rollCause ? `${found.rollCause} at ${dateTime(found.rolledAtMs)}` : '–'],
    ...(pause ? [['Paused', `by ${pause.by} at ${dateTime(pause.atMs)}: ${pause.reason}`] as [string, string]] : []),
    ...(found.problem ? [['Problem', found.problem] as [string, string]] : []),
  ];
  return (
    <Card
      title={`Partition ${partition}`}
      note={<a href={linkTo('messages', [topic], { partition: String(partition) })}>its messages</a>}
    >
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {isOperator && table !== null && found.checkpoint !== null ? (
        <div class="buttons">
          {pause ? (
            <ActionButton
              onDone={onDone}
              action={{
                name: 'resume',
                verb: 'Resume',
                title: `Resume ${topic}-${partition}?`,
                explanation: 'Its owner goes on loading at the checkpoint.',
                body,
              }}
            />
          ) : (
            <ActionButton
              onDone={onDone}
              action={{
                name: 'pause',
                verb: 'Pause',
                title: `Pause ${topic}-${partition}?`,
                explanation:
                  'Its owner commits what is open and loads nothing more until somebody resumes it. The log keeps the records as long as its retention says.',
                body,
                isDangerous: true,
              }}
            />
          )}
          <ActionButton
            onDone={onDone}
            action={{
              name: 'roll',
              verb: 'Roll now',
              title: `Roll ${topic}-${partition} now?`,
              explanation: `Its owner ends the open file and commits it: ${compact(Number(lag ?? 0))} records wait.`,
              body,
            }}
          />
        </div>
      ) : null}
    </Card>
  );
}
