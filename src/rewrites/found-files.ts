import type { FileRange, TableFile } from '../offsets/index.ts';
import { type ParquetFooter, parsePartFileName, readParquetFooter, TablePaths } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

/** A visible file by what its footer says. */
export interface FoundFile extends TableFile {
  /** A rewrite brought it; false: a commit of its partition did. */
  isRewritten: boolean;
}

/** All files that readers of the table see, by their footers; `unknown`: those that are not Sluice's. */
export async function findFiles(context: RewriteContext): Promise<{ files: FoundFile[]; unknown: string[] }> {
  const { root } = new TablePaths(context.table);
  const found: { files: FoundFile[]; unknown: string[] } = { files: [], unknown: [] };
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await context.files.list(folder === '' ? root : `${root}/${folder}`, {
      signal: context.signal,
    })) {
      if (entry.name.startsWith('_') || entry.name.startsWith('.')) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.type === 'directory') {
        folders.push(path);
        continue;
      }
      const file = await readFound(context, root, path, entry.size);
      if (file) found.files.push(file);
      else found.unknown.push(path);
    }
  }
  found.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return found;
}

async function readFound(
  { files, signal }: RewriteContext,
  root: string,
  path: string,
  size: number,
): Promise<FoundFile | null> {
  const read = (offset: number, length: number): Promise<Buffer> =>
    files.read(`${root}/${path}`, { offset, length, signal });
  let footer: ParquetFooter;
  try {
    footer = await readParquetFooter(read, size);
  } catch (error) {
    if ((error as { code?: string }).code === 'bad-parquet') return null;
    throw error;
  }
  return describe(path, size, footer);
}

function describe(path: string, size: number, { metadata, rowCount }: ParquetFooter): FoundFile | null {
  const text = (key: string): string => metadata.get(`sluice.${key}`) ?? '';
  const topicId = text('topic-id');
  const contentHash = text('content-hash');
  if (!/^[0-9a-f]{32}$/.test(topicId) || !/^[0-9a-f]{32}$/.test(contentHash)) return null;
  if (Number(text('row-count')) !== rowCount) return null;
  const ranges = rangesOf(topicId, text, rowCount, contentHash);
  const name = path.slice(path.lastIndexOf('/') + 1);
  return {
    path,
    size,
    topic: text('topic'),
    topicId,
    partition: ranges.length === 1 ? ranges[0]!.partition : null,
    ranges,
    rowCount,
    minTimeMs: BigInt(text('min-time-ms')),
    maxTimeMs: BigInt(text('max-time-ms')),
    contentHash,
    schemaId: Number(text('schema-id')),
    // A file that an undo has brought back looks as it was written, but for its name.
    isRewritten: metadata.has('sluice.rewrite') || parsePartFileName(name) === null,
  };
}

function rangesOf(topicId: string, text: (key: string) => string, rowCount: number, contentHash: string): FileRange[] {
  if (text('ranges') === '') {
    const [first, next] = [BigInt(text('first-offset')), BigInt(text('last-offset')) + 1n];
    return [{ topicId, partition: Number(text('partition')), first, next, rowCount, contentHash }];
  }
  const ranges = JSON.parse(text('ranges')) as [number, string, string, number, string][];
  return ranges.map(([partition, first, next, rows, hash]) => {
    return { topicId, partition, first: BigInt(first), next: BigInt(next), rowCount: rows, contentHash: hash };
  });
}
