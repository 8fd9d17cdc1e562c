import type { ComponentType } from 'preact';
import type { TablesAnswer } from '../../src/console/answers.ts';
import { linkTo, type Place } from '../route.ts';
import { useQuery } from '../use-query.ts';
import { Card, Empty, Field, Options, PageHead, Problem } from './basics.tsx';

interface TablePageProps {
  page: string;
  title: string;
  lead: string;
  place: Place;
  /** What is shown of the table that was chosen. */
  view: ComponentType<{ table: string }>;
}

/** A page about one table: the one of its address, or the first there is. */
export function TablePage({ page, title, lead, place, view: View }: TablePageProps) {
  const { data, error } = useQuery<TablesAnswer>('/api/tables', 15_000);
  const tables = data?.tables ?? [];
  const table = place.rest[0] ?? tables[0];
  return (
    <>
      <PageHead title={title} actions={<TableChoice page={page} tables={tables} table={table} />}>
        {lead}
      </PageHead>
      <Problem text={error} />
      {data && tables.length === 0 && table === undefined ? (
        <Card>
          <Empty title="No tables yet">A table is there as soon as a topic has been loaded.</Empty>
        </Card>
      ) : null}
      {table === undefined ? null : <View key={table} table={table} />}
    </>
  );
}

/** Nothing while there is nothing to choose from. */
export function TableChoice({ page, tables, table }: { page: string; tables: string[]; table: string | undefined }) {
  const isChoice = tables.length > 1 || (table !== undefined && !tables.includes(table) && tables.length > 0);
  if (!isChoice) return null;
  const names = table === undefined || tables.includes(table) ? tables : [table, ...tables];
  return (
    <Field label="Table">
      <select value={table} onChange={(event) => (location.hash = linkTo(page, [event.currentTarget.value]))}>
        <Options values={names} />
      </select>
    </Field>
  );
}
