import { useState } from 'preact/hooks';
import type { Json, TopicLine, TopicsAnswer } from '../../../src/console/answers.ts';
import { count } from '../../format.ts';
import { Card, Empty, Loading, PageHead, Problem, Tag } from '../../parts/basics.tsx';
import { type TableColumn, VirtualTable } from '../../parts/virtual-table.tsx';
import { linkTo } from '../../route.ts';
import { useQuery } from '../../use-query.ts';

const refreshMs = 3000;

export function TopicList() {
  const { data, error } = useQuery<Json<TopicsAnswer>>('/api/topics', refreshMs);
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
          <VirtualTable label="Topics" rows={topics} columns={topicColumns} rowKey={({ name }) => name} />
        ) : null}
      </Card>
    </>
  );
}

const topicColumns: readonly TableColumn<Json<TopicLine>>[] = [
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
