import { useEffect, useState } from 'preact/hooks';
import type { RulesAnswer } from '../../src/console/answers.ts';
import { count, dateTime, plural } from '../format.ts';
import { Card, Empty, Loading, PageHead, Problem, Tag } from '../parts/basics.tsx';
import { linkTo, type Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

interface Match {
  id: string;
  rule: string;
  action: string;
  key: unknown;
  at: string;
  events: { topic: string; partition: number; offset: string }[];
  parameters?: Record<string, unknown>;
}

const keptMatches = 200;

export function RulesPage(_: { place: Place }) {
  const { data, error } = useQuery<RulesAnswer>('/api/rules');
  return (
    <>
      <PageHead title="Rules">Patterns of events, and their matches as they happen.</PageHead>
      <Problem text={error} />
      {!data && !error ? <Loading what="rules" /> : null}
      {data && !data.isSetUp ? (
        <Card>
          <Empty title="No rules run here">
            Start the console with --rules FILE to run the rules of a file and watch their matches.
          </Empty>
        </Card>
      ) : null}
      {data?.isSetUp ? <Running rules={data} /> : null}
    </>
  );
}

function Running({ rules }: { rules: RulesAnswer }) {
  const { matches, total, status } = useMatches();
  return (
    <>
      <Card title={plural(rules.rules.length, 'rule')} note={rules.source}>
        <ul class="rules">
          {rules.rules.map(({ name, text }) => (
            <li key={name}>
              <details>
                <summary>{name}</summary>
                <pre>{text}</pre>
              </details>
            </li>
          ))}
        </ul>
      </Card>
      <Card title="Matches" note={`${count(total)} seen${status === 'live' ? '' : ', reconnecting'}`}>
        {matches.length === 0 ? <Empty title="None yet">Matches appear here the moment they are found.</Empty> : null}
        <ol class="matches" aria-live="polite" aria-relevant="additions">
          {matches.map((match) => (
            <MatchItem key={match.id} match={match} />
          ))}
        </ol>
      </Card>
    </>
  );
}

function MatchItem({ match }: { match: Match }) {
  const { rule, action, key, at, events, parameters } = match;
  return (
    <li>
      <Tag tone="accent">{action}</Tag>
      <span class="match-rule">{rule}</span>
      {key === null ? null : <code>{typeof key === 'string' ? key : JSON.stringify(key)}</code>}
      <span class="muted">{dateTime(Date.parse(at))}</span>
      {parameters ? <code class="match-parameters">{JSON.stringify(parameters)}</code> : null}
      <span class="match-events">
        {events.map(({ topic, partition, offset }) => (
          <a
            key={`${partition}/${offset}`}
            href={linkTo('messages', [topic], { partition: String(partition), offset })}
          >{`${topic}-${partition}@${offset}`}</a>
        ))}
      </span>
    </li>
  );
}

/** Newest first; the browser comes back with the id of the last one it saw. */
function useMatches() {
  const [matches, setMatches] = useState<Match[]>([]);
  const [total, setTotal] = useState(0);
  const [status, setStatus] = useState<'live' | 'reconnecting'>('live');
  useEffect(() => {
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const seen = new Set<string>();
    const open = (): void => {
      source = new EventSource('/api/matches');
      source.addEventListener('open', () => setStatus('live'));
      source.addEventListener('match', (event) => {
        const match = JSON.parse((event as MessageEvent<string>).data) as Match;
        if (seen.has(match.id)) return;
        seen.add(match.id);
        if (seen.size > 10 * keptMatches) seen.delete(seen.values().next().value as string);
        setTotal((before) => before + 1);
        setMatches((before) => [match, ...before].slice(0, keptMatches));
      });
      source.addEventListener('dropped', (event) => {
        const { count: missed } = JSON.parse((event as MessageEvent<string>).data) as { count: number };
        setTotal((before) => before + missed);
      });
      source.addEventListener('error', () => {
        setStatus('reconnecting');
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 2000);
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, []);
  return { matches, total, status };
}
