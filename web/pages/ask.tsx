import { useState } from 'preact/hooks';
import type { AskAnswer, TablesAnswer } from '../../src/console/answers.ts';
import { post } from '../api.ts';
import { compact, count, duration, plural } from '../format.ts';
import { Card, Field, PageHead, Problem } from '../parts/basics.tsx';
import { Chart } from '../parts/chart.tsx';
import { cellText, isNumeric, ResultTable } from '../parts/result-table.tsx';
import type { Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

const hourChoices: [string, number | null][] = [
  ['last 6 hours', 6],
  ['last 24 hours', 24],
  ['last 7 days', 168],
  ['all', null],
];
const maxBars = 30;

const examplesOf = (table: string): [string, string][] => {
  const name = /^[a-z_]\w*$/.test(table) ? table : `"${table.replaceAll('"', '""')}"`;
  return [
    ['Events by game', `SELECT game, count(*) AS events\nFROM ${name}\nGROUP BY game\nORDER BY events DESC`],
    [
      'Events a minute',
      `SELECT date_trunc('minute', ts) AS minute, count(*) AS events\nFROM ${name}\nGROUP BY minute\nORDER BY minute`,
    ],
    ['Columns', `DESCRIBE ${name}`],
    ['Newest rows', `SELECT *\nFROM ${name}\nORDER BY _timestamp DESC\nLIMIT 50`],
  ];
};

export function AskPage(_: { place: Place }) {
  const tables = useQuery<TablesAnswer>('/api/tables').data?.tables ?? [];
  const examples = examplesOf(tables[0] ?? 'events');
  const [sql, setSql] = useState('');
  const [hours, setHours] = useState<number | null>(24);
  const [answer, setAnswer] = useState<AskAnswer | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const text = sql === '' ? examples[0]![1] : sql;

  const ask = async (): Promise<void> => {
    if (isBusy) return;
    setBusy(true);
    setError(null);
    try {
      setAnswer(await post<AskAnswer>('/api/ask', { sql: text, hours }));
    } catch (problem) {
      setAnswer(null);
      setError((problem as Error).message);
    }
    setBusy(false);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void ask();
  };

  return (
    <>
      <PageHead title="Ask the warehouse">
        SQL over the tables, as DuckDB speaks it. It only reads, and sees nothing but the tables.
      </PageHead>
      <Card>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          <label class="field">
            <span>{tables.length > 0 ? `Statement (tables: ${tables.join(', ')})` : 'Statement'}</span>
            <textarea
              class="sql"
              rows={7}
              spellcheck={false}
              autocapitalize="off"
              value={text}
              onInput={(event) => setSql(event.currentTarget.value)}
              onKeyDown={onKey}
            />
          </label>
          <div class="filters">
            <Field label="Rows of">
              <select
                value={String(hours)}
                onChange={(event) =>
                  setHours(event.currentTarget.value === 'null' ? null : Number(event.currentTarget.value))
                }
              >
                {hourChoices.map(([words, value]) => (
                  <option key={words} value={String(value)}>
                    {words}
                  </option>
                ))}
              </select>
            </Field>
            <button type="submit" class="primary" disabled={isBusy}>
              {isBusy ? 'Asking…' : 'Ask'}
            </button>
            <span class="hint">Ctrl + Enter</span>
            <span class="examples">
              {examples.map(([name, example]) => (
                <button key={name} type="button" class="quiet small" onClick={() => setSql(example)}>
                  {name}
                </button>
              ))}
            </span>
          </div>
        </form>
      </Card>
      <Problem text={error} />
      {answer ? <AnswerView answer={answer} /> : null}
    </>
  );
}

function AnswerView({ answer }: { answer: AskAnswer }) {
  const { rows, isCut, tookMs, notes } = answer;
  return (
    <>
      {notes.map((note) => (
        <Problem key={note} text={note} />
      ))}
      <AnswerChart answer={answer} />
      <Card title={`${plural(rows.length, 'row')}${isCut ? ', there are more' : ''}`} note={duration(tookMs)}>
        <ResultTable label="Answer" result={answer} />
      </Card>
    </>
  );
}

/** A first column of times or names with figures behind it is a picture: lines over time, or bars. */
function AnswerChart({ answer: { columns, rows } }: { answer: AskAnswer }) {
  const [first, ...others] = columns;
  const figures = others.map((column, i) => ({ ...column, index: i + 1 })).filter(({ type }) => isNumeric(type));
  if (!first || figures.length === 0 || rows.length < 2) return null;
  if (/^(TIMESTAMP|DATE)/.test(first.type)) return <TimeChart name={first.name} figures={figures} rows={rows} />;
  if (isNumeric(first.type)) return null;
  const [figure] = figures as [(typeof figures)[number]];
  const bars = rows
    .slice(0, maxBars)
    .map((row) => ({ name: row[0] === null ? 'null' : cellText(row[0]), value: Number(row[figure.index] ?? 0) }));
  const most = Math.max(...bars.map(({ value }) => value), 0);
  return (
    <Card
      title={figure.name}
      note={rows.length > maxBars ? `by ${first.name}, the first ${maxBars}` : `by ${first.name}`}
    >
      <ul class="bars">
        {bars.map(({ name, value }, i) => (
          <li key={`${i}-${name}`}>
            <span class="bar-name" title={name}>
              {name}
            </span>
            <span class="bar-track" aria-hidden="true">
              <span
                class="bar"
                style={{ width: `${most > 0 ? Math.max(0.5, (100 * Math.max(0, value)) / most) : 0}%` }}
              />
            </span>
            <span class="bar-value">{Number.isInteger(value) ? count(value) : compact(value)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function TimeChart({
  name,
  figures,
  rows,
}: {
  name: string;
  figures: { name: string; index: number }[];
  rows: unknown[][];
}) {
  const points = rows
    .map((row) => ({ at: timeOf(row[0]), row }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const series = figures.slice(0, 8).map((figure) => ({
    name: figure.name,
    values: points.map(({ row }) => (row[figure.index] === null ? null : Number(row[figure.index]))),
  }));
  return (
    <Card title={figures.map((figure) => figure.name).join(', ')} note={`by ${name}`}>
      <Chart
        label={`${figures.map((figure) => figure.name).join(', ')} by ${name}`}
        times={points.map(({ at }) => at)}
        series={series}
      />
    </Card>
  );
}

/** Epoch seconds of DuckDB's text: `2026-11-21 18:00:00+00`. */
function timeOf(value: unknown): number {
  const text = cellText(value).trim().replace(' ', 'T');
  const zoned = /([+-]\d\d)$/.test(text)
    ? `${text}:00`
    : /T.*([+-]\d\d:\d\d|Z)$/.test(text)
      ? text
      : text.includes('T')
        ? `${text}Z`
        : text;
  return Date.parse(zoned) / 1000;
}
