import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface TableColumn<Row> {
  key: string;
  title: string;
  /** Of a grid, in rem or px: `11rem`, `minmax(8rem, 1fr)`. */
  width: string;
  align?: 'right';
  cell: (row: Row, index: number) => ComponentChildren;
}

interface TableProps<Row> {
  label: string;
  rows: readonly Row[];
  columns: readonly TableColumn<Row>[];
  rowKey: (row: Row, index: number) => string | number;
  /** Rows that are seen at once at most. */
  maxRows?: number;
  onOpen?: (row: Row) => void;
  isOpen?: (row: Row) => boolean;
}

const rowHeight = 38;
const overscan = 8;
/** Between columns, and at both ends of a row: as in tables.css. */
const gapPx = 16;
const endsPx = 28;

/**
 * A table of any length: only the rows in sight are in the document, so ten thousand are as quick as ten. Scrolls by wheel,
 * finger and keys; readers of the screen are told the whole count.
 */
export function VirtualTable<Row>(props: TableProps<Row>) {
  const { label, rows, columns, rowKey, maxRows = 16, onOpen, isOpen } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = Math.min(rows.length, maxRows) * rowHeight;
  const first = Math.max(0, Math.floor(top / rowHeight) - overscan);
  const shown = rows.slice(first, Math.ceil((top + height) / rowHeight) + overscan);
  const grid = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') };

  // Fewer rows than before may leave the scroll position behind their end.
  useEffect(() => {
    if (box.current && box.current.scrollTop !== top) setTop(box.current.scrollTop);
  }, [rows.length, top]);

  return (
    <div
      class="table"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      ref={box}
      style={{ maxHeight: `${height + rowHeight + 2}px` }}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div class="table-inner" role="presentation" style={{ minWidth: narrowest(columns) }}>
        <div class="table-row table-head" role="row" aria-rowindex={1} style={grid}>
          {columns.map(({ key, title, align }) => (
            <div key={key} role="columnheader" class={align ?? ''}>
              {title}
            </div>
          ))}
        </div>
        <div role="rowgroup" class="table-body" style={{ height: `${rows.length * rowHeight}px` }}>
          {shown.map((row, i) => (
            <div
              key={rowKey(row, first + i)}
              role="row"
              aria-rowindex={first + i + 2}
              class={`table-row ${onOpen ? 'can-open' : ''} ${isOpen?.(row) ? 'is-open' : ''}`}
              style={{ ...grid, transform: `translateY(${(first + i) * rowHeight}px)` }}
              {...(onOpen ? { onClick: () => onOpen(row) } : {})}
            >
              {columns.map(({ key, align, cell }) => (
                <div key={key} role="cell" class={align ?? ''}>
                  {cell(row, first + i)}
                </div>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/** The columns at their narrowest, beside each other: with less room the table scrolls sideways. */
function narrowest(columns: readonly { width: string }[]): string {
  const widths = columns.map(({ width }) => /[\d.]+(rem|px)/.exec(width)?.[0] ?? '0px');
  return `calc(${[...widths, `${(columns.length - 1) * gapPx + endsPx}px`].join(' + ')})`;
}
