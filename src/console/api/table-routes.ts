import type { LiveFile } from '../../offsets/index.ts';
import { querySandboxed } from '../../warehouse/index.ts';
import type { FilesAnswer, RowsAnswer, TablesAnswer } from '../answers.ts';
import { type ConsoleRoute, numberOf } from '../route.ts';
import { askLimits } from './ask-routes.ts';
import type { TableFiles } from './table-files.ts';
import type { Turns } from './turns.ts';

const maxListed = 2000;
const sampledFiles = 3;

/** Tables with their files and a sample of rows. */
export function tableRoutes(files: TableFiles, turns: Turns): ConsoleRoute[] {
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/tables$/,
      answer: async ({ signal }) => ({ json: { tables: await files.tables(signal) } satisfies TablesAnswer }),
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/tables\/([^/]+)\/files$/,
      answer: async ({ params, query, signal }) => {
        const found = await files.files(params[0]!, signal);
        return { json: describe(params[0]!, found, numberOf(query, 'limit', 1, maxListed, 500)) };
      },
    },
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/tables\/([^/]+)\/sample$/,
      answer: async ({ params, query, signal }) => {
        const limit = numberOf(query, 'limit', 1, 200, 50);
        return { json: await turns.take(signal, () => sample(files, params[0]!, limit, signal)) };
      },
    },
  ];
}

function describe(table: string, files: readonly LiveFile[], limit: number): FilesAnswer {
  const folders = new Map<string, { folder: string; files: number; rows: number; bytes: number }>();
  for (const { path, rowCount, size } of files) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const sums = folders.get(folder) ?? { folder, files: 0, rows: 0, bytes: 0 };
    folders.set(folder, { folder, files: sums.files + 1, rows: sums.rows + rowCount, bytes: sums.bytes + size });
  }
  return {
    table,
    fileCount: files.length,
    rowCount: files.reduce((sum, { rowCount }) => sum + rowCount, 0),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    folders: [...folders.values()].sort((a, b) => (a.folder < b.folder ? 1 : -1)).slice(0, 200),
    files: files
      .slice(0, limit)
      .map(({ path, size, rowCount, topic, partition, minTimeMs, maxTimeMs, schemaId, ranges }) => ({
        ...{ path, size, rowCount, topic, partition, schemaId },
        ...{ minTimeMs: Number(minTimeMs), maxTimeMs: Number(maxTimeMs) },
        first: ranges[0]?.first ?? null,
        next: ranges.at(-1)?.next ?? null,
      })),
  };
}

/** Rows of the newest files. */
async function sample(files: TableFiles, table: string, limit: number, signal: AbortSignal): Promise<RowsAnswer> {
  const newest = (await files.files(table, signal)).slice(0, sampledFiles);
  if (newest.length === 0) return { columns: [], rows: [], isCut: false, tookMs: 0 };
  const paths = await files.local(table, newest, signal);
  return await querySandboxed(`FROM rows LIMIT ${limit}`, [{ name: 'rows', paths }], askLimits, signal);
}
