import { useMemo } from 'preact/hooks';
import type { RowsAnswer } from '../../src/console/answers.ts';
import { Empty } from './basics.tsx';
import { type TableColumn, VirtualTable } from './virtual-table.tsx';

/** Whether values of such a type are figures, which stand to the right. */
export function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|FLOAT|DOUBLE|DECIMAL)/.test(type);
}

export function ResultTable({ label, result, maxRows }: { label: string; result: RowsAnswer; maxRows?: number }) {
  const columns = useMemo(() => layOut(result), [result]);
  if (result.rows.length === 0) return <Empty title="No rows" />;
  const size = maxRows === undefined ? {} : { maxRows };
  return <VirtualTable label={label} rows={result.rows} columns={columns} rowKey={(_, i) => i} {...size} />;
}

const sampledRows = 60;
const characterPx = 9;

/** Columns as wide as what is in them, within reason: digits are never hidden, long texts are. */
function layOut({ columns, rows }: RowsAnswer): TableColumn<unknown[]>[] {
  const widths = columns.map(({ name, type }, i) => {
    const longest = Math.max(...rows.slice(0, sampledRows).map((row) => cellText(row[i]).length), 4);
    const most = isNumeric(type) || /^(TIMESTAMP|DATE|TIME)/.test(type) ? 32 : 28;
    return Math.ceil(Math.max(name.length + 1, Math.min(longest, most)) * characterPx) + 8;
  });
  return columns.map(
    ({ name, type }, i): TableColumn<unknown[]> => ({
      key: `${i}-${name}`,
      title: name,
      width: `minmax(${widths[i]}px, ${widths[i]}fr)`,
      ...(isNumeric(type) ? { align: 'right' } : {}),
      cell: (row) => (
        <span title={cellText(row[i])}>{row[i] === null ? <span class="muted">null</span> : cellText(row[i])}</span>
      ),
    }),
  );
}

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
