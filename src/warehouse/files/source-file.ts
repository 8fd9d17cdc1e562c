import { type FileHandle, open } from 'node:fs/promises';
import { WarehouseError } from './warehouse-error.ts';
import type { FileSource } from './warehouse-files.ts';

type LocalSource = Extract<FileSource, { localPath: string }>;

export function sourceSize(source: FileSource): number {
  return 'bytes' in source ? source.bytes.length : source.size;
}

/** The content of a local file, chunk by chunk; fails with `bad-source` unless it has exactly the bytes that were announced. */
export async function* readSource(source: LocalSource, chunkBytes: number): AsyncGenerator<Buffer> {
  const file = await openSource(source);
  try {
    for (let position = 0; position < source.size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, source.size - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) throw badSource(source, 'it became shorter while it was read');
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openSource(source: LocalSource): Promise<FileHandle> {
  const file = await open(source.localPath, 'r').catch((cause: unknown) => {
    throw badSource(source, (cause as Error).message, cause);
  });
  const { size } = await file.stat();
  if (size === source.size) return file;
  await file.close();
  throw badSource(source, `expected ${source.size} bytes, found ${size}`);
}

function badSource(source: LocalSource, what: string, cause?: unknown): WarehouseError {
  return new WarehouseError('bad-source', `${source.localPath}: ${what}`, cause === undefined ? {} : { cause });
}
