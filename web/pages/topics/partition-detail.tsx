import { compact, count, dateTime, duration, plural } from '../../format.ts';
import { Card, Facts } from '../../parts/basics.tsx';
import { ActionButton } from '../../parts/confirm.tsx';
import { linkTo } from '../../route.ts';
import { useIsOperator } from '../../session.ts';
import type { Partition } from './partition-columns.tsx';

export function PartitionDetail({
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
      <Facts facts={facts} />
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
