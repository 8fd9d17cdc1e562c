import { useState } from 'preact/hooks';
import type { ConsoleRun, ConsoleSchedule, JobLogAnswer, JobsAnswer } from '../../src/console/answers.ts';
import { ago, dateTime, duration } from '../format.ts';
import { Card, Empty, Loading, PageHead, Problem, Tag } from '../parts/basics.tsx';
import { ActionButton } from '../parts/confirm.tsx';
import { type TableColumn, VirtualTable } from '../parts/virtual-table.tsx';
import type { Place } from '../route.ts';
import { useIsOperator } from '../session.ts';
import { useQuery } from '../use-query.ts';

const tones: Record<string, 'good' | 'warn' | 'bad' | 'accent'> = {
  complete: 'good',
  partial: 'warn',
  failed: 'bad',
  running: 'accent',
};

export function JobsPage(_: { place: Place }) {
  const { data, error, reload } = useQuery<JobsAnswer>('/api/jobs', 3000);
  const [chosen, setChosen] = useState<string | null>(null);
  return (
    <>
      <PageHead title="Jobs">What runs by itself, when, and what came of it.</PageHead>
      <Problem text={error} />
      {!data && !error ? <Loading what="jobs" /> : null}
      {data && !data.isSetUp ? (
        <Card>
          <Empty title="No jobs are set up">
            Name schedules in section jobs of sluice.yaml, and run them with “sluice jobs work”.
          </Empty>
        </Card>
      ) : null}
      {data?.isSetUp ? (
        <>
          <Card title="Schedules">
            {data.schedules.length === 0 ? <Empty title="No schedules" /> : null}
            <ul class="schedules">
              {data.schedules.map((schedule) => (
                <ScheduleItem key={schedule.name} schedule={schedule} onDone={reload} />
              ))}
            </ul>
          </Card>
          <Card title="Runs" note="newest first">
            {data.runs.length === 0 ? (
              <Empty title="None yet" />
            ) : (
              <VirtualTable
                label="Runs"
                rows={data.runs}
                columns={runColumns}
                rowKey={({ id }) => id}
                maxRows={12}
                onOpen={({ id }) => setChosen(id)}
                isOpen={({ id }) => id === chosen}
              />
            )}
          </Card>
          {chosen === null ? null : <RunLog key={chosen} id={chosen} />}
        </>
      ) : null}
    </>
  );
}

function ScheduleItem({ schedule, onDone }: { schedule: ConsoleSchedule; onDone: () => void }) {
  const isOperator = useIsOperator();
  const { name, job, cron, zone, nextDueMs, isRunning, pause, note } = schedule;
  const body = { schedule: name };
  return (
    <li>
      <div>
        <p>
          <strong>{name}</strong> <span class="muted">{job}</span> {isRunning ? <Tag tone="accent">running</Tag> : null}{' '}
          {pause ? <Tag tone="warn">paused</Tag> : null}
        </p>
        <p class="muted">
          <code>{cron}</code>
          {` ${zone}, next ${pause ? 'when it is resumed' : dateTime(nextDueMs)}`}
        </p>
        {pause ? (
          <p class="muted">{`by ${pause.by}, ${ago(pause.atMs)}: ${pause.reason}`}</p>
        ) : note ? (
          <p class="muted">{note}</p>
        ) : null}
      </div>
      {isOperator ? (
        <div class="buttons">
          <ActionButton
            onDone={onDone}
            action={{
              name: 'run-job',
              verb: 'Run now',
              title: `Run ${name} now?`,
              explanation: `The job ${job} begins at once with the input of this schedule.`,
              body,
            }}
          />
          {pause ? (
            <ActionButton
              onDone={onDone}
              action={{
                name: 'resume-job',
                verb: 'Resume',
                title: `Resume ${name}?`,
                explanation: 'It runs again when it is due.',
                body,
              }}
            />
          ) : (
            <ActionButton
              onDone={onDone}
              action={{
                name: 'pause-job',
                verb: 'Pause',
                title: `Pause ${name}?`,
                explanation: 'No more runs begin until somebody resumes it. One that has begun goes on.',
                body,
              }}
            />
          )}
        </div>
      ) : null}
    </li>
  );
}

const runColumns: readonly TableColumn<ConsoleRun>[] = [
  {
    key: 'id',
    title: 'Run',
    width: 'minmax(14rem, 1.4fr)',
    cell: ({ id }) => (
      <button type="button" class="link">
        {id}
      </button>
    ),
  },
  { key: 'job', title: 'Job', width: '7.5rem', cell: ({ job }) => job },
  { key: 'state', title: 'State', width: '6rem', cell: ({ state }) => <Tag tone={tones[state] ?? ''}>{state}</Tag> },
  { key: 'started', title: 'Started', width: '10rem', cell: ({ startedMs }) => dateTime(startedMs) },
  {
    key: 'took',
    title: 'Took',
    width: '4.5rem',
    align: 'right',
    cell: ({ startedMs, endedMs }) => (startedMs !== null && endedMs !== null ? duration(endedMs - startedMs) : '–'),
  },
  {
    key: 'error',
    title: 'Error',
    width: 'minmax(6rem, 1fr)',
    cell: ({ error }) => <span title={error ?? ''}>{error ?? ''}</span>,
  },
];

function RunLog({ id }: { id: string }) {
  const { data, error } = useQuery<JobLogAnswer>(`/api/jobs/${encodeURIComponent(id)}/log`, 3000);
  return (
    <Card title={id} note="its log">
      <Problem text={error} />
      {data?.lines.length === 0 ? <Empty title="Nothing was written" /> : null}
      {data && data.lines.length > 0 ? (
        <pre class="log" tabIndex={0}>
          {data.lines.join('\n')}
        </pre>
      ) : null}
    </Card>
  );
}
