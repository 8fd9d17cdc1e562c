import type { FilesAnswer, Json, RowsAnswer, ShownFile } from '../../src/console/answers.ts';
import { bytes, count, dateTime, plural } from '../format.ts';
import { Card, Loading, Problem, Stat } from '../parts/basics.tsx';
import { ResultTable } from '../parts/result-table.tsx';
import { TablePage } from '../parts/table-page.tsx';
import { type TableColumn, VirtualTable } from '../parts/virtual-table.tsx';
import type { Place } from '../route.ts';
import { useQuery } from '../use-query.ts';

export function TablesPage({ place }: { place: Place }) {
  const lead = 'The Parquet files of a table, and some of its rows.';
  return <TablePage page="tables" title="Tables" lead={lead} place={place} view={TableView} />;
}

const folderColumns: readonly TableColumn<FilesAnswer['folders'][number]>[] = [
  { key: 'folder', title: 'Folder', width: 'minmax(11rem, 1fr)', cell: ({ folder }) => <code>{folder}</code> },
  { key: 'files', title: 'Files', width: '5rem', align: 'right', cell: ({ files }) => count(files) },
  { key: 'rows', title: 'Rows', width: '8rem', align: 'right', cell: ({ rows }) => count(rows) },
  { key: 'size', title: 'Size', width: '6rem', align: 'right', cell: (row) => bytes(row.bytes) },
];

const fileColumns: readonly TableColumn<Json<ShownFile>>[] = [
  { key: 'path', title: 'File', width: 'minmax(16rem, 2fr)', cell: ({ path }) => <code title={path}>{path}</code> },
  { key: 'rows', title: 'Rows', width: '7rem', align: 'right', cell: ({ rowCount }) => count(rowCount) },
  { key: 'size', title: 'Size', width: '6rem', align: 'right', cell: ({ size }) => bytes(size) },
  {
    key: 'offsets',
    title: 'Offsets',
    width: 'minmax(10rem, 1fr)',
    align: 'right',
    cell: ({ partition, first, next }) => `${partition ?? '*'}: ${count(first)}–${count(next)}`,
  },
  { key: 'time', title: 'Newest event', width: '11rem', cell: ({ maxTimeMs }) => dateTime(maxTimeMs) },
];

function TableView({ table }: { table: string }) {
  const base = `/api/tables/${encodeURIComponent(table)}`;
  const { data, error } = useQuery<Json<FilesAnswer>>(`${base}/files?limit=1000`, 10_000);
  const sample = useQuery<RowsAnswer>(`${base}/sample?limit=50`);
  return (
    <>
      <Problem text={error} />
      {!data && !error ? <Loading what="files" /> : null}
      {data ? (
        <>
          <div class="stats">
            <Stat label="Rows" value={count(data.rowCount)} note={`in ${table}`} />
            <Stat
              label="Files"
              value={count(data.fileCount)}
              note={data.fileCount > 0 ? `${bytes(data.bytes / data.fileCount)} on average` : ''}
            />
            <Stat
              label="Size"
              value={bytes(data.bytes)}
              note={data.rowCount > 0 ? `${(data.bytes / data.rowCount).toFixed(1)} B a row` : ''}
            />
            <Stat
              label="Folders"
              value={count(data.folders.length)}
              note={data.folders.length === 200 ? 'the newest' : ''}
            />
          </div>
          <Card title="Sample" note="rows of the newest files">
            <Problem text={sample.error} />
            {sample.data ? (
              <ResultTable label={`Rows of ${table}`} result={sample.data} maxRows={8} />
            ) : sample.error ? null : (
              <Loading what="rows" />
            )}
          </Card>
          <Card title="Folders" note="newest first">
            <VirtualTable
              label={`Folders of ${table}`}
              rows={data.folders}
              columns={folderColumns}
              rowKey={({ folder }) => folder}
              maxRows={8}
            />
          </Card>
          <Card
            title="Files"
            note={
              data.files.length < data.fileCount ? `the newest ${plural(data.files.length, 'file')}` : 'newest first'
            }
          >
            <VirtualTable
              label={`Files of ${table}`}
              rows={data.files}
              columns={fileColumns}
              rowKey={({ path }) => path}
              maxRows={12}
            />
          </Card>
        </>
      ) : null}
    </>
  );
}
