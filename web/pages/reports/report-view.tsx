import { useRef, useState } from 'preact/hooks';
import type { ReportMadeAnswer } from '../../../src/console/answers.ts';
import { dateTime } from '../../format.ts';
import { Card, Loading, Problem, Tag } from '../../parts/basics.tsx';
import { useQuery } from '../../use-query.ts';

interface ReportViewProps {
  table: string;
  game: string;
  date: string;
}

/** The report of one game and day; a refused one says why, and can be made from what is there. */
export function ReportView({ table, game, date }: ReportViewProps) {
  const [isPreliminary, setPreliminary] = useState(false);
  const query = new URLSearchParams({ table, game, date, ...(isPreliminary ? { preliminary: '1' } : {}) }).toString();
  const { data, error, status, isLoading } = useQuery<ReportMadeAnswer>(`/api/reports/daily?${query}`);
  if (data) return <MadeReport made={data} query={query} />;
  if (isLoading || error === null) return <Loading what={`the report of ${game} for ${date}`} />;
  if (status !== 409) return <Problem text={error} />;
  return (
    <Card title={`No report of ${game} for ${date} yet`}>
      <p>
        <Tag tone="warn">refused</Tag> {error}.
      </p>
      <p class="muted spaced">
        A report is made of complete hours only, so that nobody decides by figures that will change.
      </p>
      <div class="buttons">
        <button type="button" class="quiet" onClick={() => setPreliminary(true)}>
          Make it from what has landed
        </button>
      </div>
    </Card>
  );
}

function MadeReport({ made, query }: { made: ReportMadeAnswer; query: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(900);
  const page = `/api/reports/daily.html?${query}`;
  // As high as what is in it: the page scrolls, not the frame.
  const fit = (): void => setHeight((frame.current?.contentDocument?.documentElement.scrollHeight ?? height) + 2);
  return (
    <Card
      title={`${made.game}, ${made.date}`}
      note={
        <span class="report-links">
          {made.isComplete ? null : <Tag tone="warn">preliminary</Tag>}
          {`made ${dateTime(made.madeAtMs)}`}
          <a href={page} target="_blank" rel="noreferrer">
            as a page
          </a>
          <a href={`/api/reports/daily.json?${query}`} download={`daily-${made.game}-${made.date}.json`}>
            as JSON
          </a>
        </span>
      }
    >
      <iframe
        ref={frame}
        class="report"
        title={`Daily report of ${made.game} for ${made.date}`}
        src={page}
        sandbox="allow-same-origin allow-popups"
        style={{ height: `${height}px` }}
        onLoad={fit}
      />
    </Card>
  );
}
