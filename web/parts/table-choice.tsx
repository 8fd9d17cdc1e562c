import { linkTo } from '../route.ts';
import { useQuery } from '../use-query.ts';
import { Field } from './basics.tsx';

/** The table that a page is about: of its address, or the first there is. Undefined: none yet. */
export function useTable(page: string, chosen: string | undefined) {
  const { data, error } = useQuery<{ tables: string[] }>('/api/tables', 15_000);
  const tables = data?.tables ?? [];
  const table = chosen ?? tables[0];
  const choice =
    tables.length > 1 || (table !== undefined && !tables.includes(table)) ? (
      <Field label="Table">
        <select value={table} onChange={(event) => (location.hash = linkTo(page, [event.currentTarget.value]))}>
          {tables.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </Field>
    ) : null;
  return { table, choice, error, isEmpty: data !== null && tables.length === 0 };
}
