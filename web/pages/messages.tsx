import { useEffect, useState } from 'preact/hooks';
import type { Json, MessagesAnswer, ShownMessage, ShownText, TopicsAnswer } from '../../src/console/answers.ts';
import { bytes, count, dateTime, plural } from '../format.ts';
import { Card, Empty, Field, Loading, Options, PageHead, Problem, Tabs } from '../parts/basics.tsx';
import { linkTo, type Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

export function MessagesPage({ place }: { place: Place }) {
  const topics = useQuery<Json<TopicsAnswer>>('/api/topics').data?.topics ?? [];
  const names = topics.filter(({ isInternal }) => !isInternal).map(({ name }) => name);
  const topic = place.rest[0] ?? names[0];
  return (
    <>
      <PageHead title={place.rest[0] ?? 'Messages'}>
        Look into a topic: the newest, or from an offset or a time on.
      </PageHead>
      {place.rest[0] !== undefined ? (
        <Tabs
          label="Topic"
          tabs={[
            { href: linkTo('topics', [place.rest[0]]), text: 'Partitions', isHere: false },
            { href: linkTo('messages', [place.rest[0]]), text: 'Messages', isHere: true },
          ]}
        />
      ) : null}
      {topic === undefined ? (
        <Empty title="No topics yet" />
      ) : (
        <Browser
          key={`${topic} ${place.query.toString()}`}
          topic={topic}
          names={names.includes(topic) ? names : [topic, ...names]}
          place={place}
        />
      )}
    </>
  );
}

type From = 'latest' | 'offset' | 'time';

function Browser({ topic, names, place }: { topic: string; names: string[]; place: Place }) {
  const [partition, setPartition] = useState(place.query.get('partition') ?? '');
  const [from, setFrom] = useState<From>(place.query.get('offset') === null ? 'latest' : 'offset');
  const [at, setAt] = useState(place.query.get('offset') ?? '');
  const [filter, setFilter] = useState('');
  const [asked, setAsked] = useState(() => queryOf({ partition, from, at, filter }));
  const { data, error, isLoading, reload } = useQuery<Json<MessagesAnswer>>(
    `/api/topics/${encodeURIComponent(topic)}/messages?${asked}`,
  );
  const search = (event: Event): void => {
    event.preventDefault();
    const query = queryOf({ partition, from, at, filter });
    if (query === asked) reload();
    else setAsked(query);
  };
  const goOn = (next: string): void => {
    setFrom('offset');
    setAt(next);
    setAsked(queryOf({ partition, from: 'offset', at: next, filter }));
  };
  return (
    <>
      <Card>
        <form class="filters" onSubmit={search}>
          <Field label="Topic">
            <select
              value={topic}
              onChange={(event) => (location.hash = linkTo('messages', [event.currentTarget.value]))}
            >
              <Options values={names} />
            </select>
          </Field>
          <Field label="Partition" class="narrow">
            <input
              inputMode="numeric"
              pattern="\d*"
              placeholder="all"
              value={partition}
              onInput={(event) => setPartition(event.currentTarget.value)}
            />
          </Field>
          <Field label="From">
            <select value={from} onChange={(event) => setFrom(event.currentTarget.value as From)}>
              <option value="latest">the newest</option>
              <option value="offset">an offset on</option>
              <option value="time">a time on</option>
            </select>
          </Field>
          {from === 'offset' ? (
            <Field label="Offset" class="narrow">
              <input
                inputMode="numeric"
                pattern="\d+"
                required
                value={at}
                onInput={(event) => setAt(event.currentTarget.value)}
              />
            </Field>
          ) : null}
          {from === 'time' ? (
            <Field label="Time">
              <input
                type="datetime-local"
                step="1"
                required
                value={at}
                onInput={(event) => setAt(event.currentTarget.value)}
              />
            </Field>
          ) : null}
          <Field label="Filter" class="wide">
            <input
              type="search"
              placeholder="purchase game=hh"
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
          </Field>
          <button type="submit" class="primary">
            Look
          </button>
        </form>
        <p class="hint">A filter’s words must all be in key or value; name=value compares a field of a JSON value.</p>
      </Card>
      <Problem text={error} />
      {isLoading && !data ? <Loading what="messages" /> : null}
      {data ? <Found answer={data} onNext={goOn} /> : null}
    </>
  );
}

function queryOf({
  partition,
  from,
  at,
  filter,
}: {
  partition: string;
  from: From;
  at: string;
  filter: string;
}): string {
  const query = new URLSearchParams({ limit: '100' });
  if (partition !== '') query.set('partition', partition);
  if (from === 'offset') query.set('offset', at);
  if (from === 'time' && at !== '') query.set('time', new Date(at).toISOString());
  if (filter.trim() !== '') query.set('filter', filter);
  return query.toString();
}

function Found({ answer, onNext }: { answer: Json<MessagesAnswer>; onNext: (next: string) => void }) {
  const { messages, scanned, isCut, next } = answer;
  return (
    <Card title={plural(messages.length, 'message')} note={`${count(scanned)} read${isCut ? ', there are more' : ''}`}>
      {messages.length === 0 ? (
        <Empty title="Nothing fits">Nothing among what was read. Go further back, or use fewer words.</Empty>
      ) : null}
      <ul class="messages">
        {messages.map((message) => (
          <MessageItem key={`${message.partition}/${message.offset}`} message={message} />
        ))}
      </ul>
      {isCut && next !== null ? (
        <div class="buttons">
          <button type="button" class="quiet" onClick={() => onNext(next)}>
            {`Go on at offset ${count(next)}`}
          </button>
        </div>
      ) : null}
    </Card>
  );
}

function MessageItem({ message }: { message: Json<ShownMessage> }) {
  const [isOpen, setOpen] = useState(false);
  const { partition, offset, timestamp, key, value, headers } = message;
  const id = `message-${partition}-${offset}`;
  useEffect(() => setOpen(false), [id]);
  return (
    <li>
      <button type="button" class="message" aria-expanded={isOpen} aria-controls={id} onClick={() => setOpen(!isOpen)}>
        <span class="message-place">{`${partition} · ${count(offset)}`}</span>
        <span class="message-time">{dateTime(Number(timestamp))}</span>
        <code class="message-text">{value === null ? 'null' : value.text}</code>
      </button>
      {isOpen ? (
        <div class="message-open" id={id}>
          <Bytes name="Key" value={key} />
          <Bytes name="Value" value={value} />
          {headers.map((header) => (
            <Bytes key={header.name} name={`Header ${header.name}`} value={header.value} />
          ))}
        </div>
      ) : null}
    </li>
  );
}

function Bytes({ name, value }: { name: string; value: ShownText | null }) {
  const note = value === null ? '' : `${bytes(value.size)}${value.encoding === 'base64' ? ', as base64' : ''}`;
  return (
    <div>
      <h3>
        {name} <small>{note}</small>
      </h3>
      <pre>{value === null ? 'null' : pretty(value)}</pre>
    </div>
  );
}

/** Indented without parsing numbers, which would lose digits of long ones. */
function pretty({ text, encoding }: ShownText): string {
  if (encoding !== 'utf8' || !/^\s*[[{]/.test(text)) return text;
  let [indent, isString, result] = [0, false, ''];
  const line = (): string => `\n${'  '.repeat(indent)}`;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (isString) {
      result += char;
      if (char === '\\') result += text[++i] ?? '';
      else if (char === '"') isString = false;
    } else if (char === '"') {
      isString = true;
      result += char;
    } else if (char === '{' || char === '[') {
      indent++;
      result += char + line();
    } else if (char === '}' || char === ']') {
      indent = Math.max(0, indent - 1);
      result += line() + char;
    } else if (char === ',') result += char + line();
    else if (char === ':') result += ': ';
    else if (!/\s/.test(char)) result += char;
  }
  return result;
}
