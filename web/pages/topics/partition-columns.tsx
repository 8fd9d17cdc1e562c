import type { Json, PartitionLine } from '../../../src/console/answers.ts';
import { ago, count, duration } from '../../format.ts';
import { Tag } from '../../parts/basics.tsx';
import type { TableColumn } from '../../parts/virtual-table.tsx';

export type Partition = Json<PartitionLine>;

export function partitionColumns(withGroup: boolean): TableColumn<Partition>[] {
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
    { key: 'owner', title: 'Owner', width: 'minmax(6.5rem, 1fr)', cell: ownerCell },
    {
      key: 'roll',
      title: 'Last roll',
      width: 'minmax(11.5rem, 1.4fr)',
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
