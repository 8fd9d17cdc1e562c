import { open } from 'node:fs/promises';
import type { ClientRequest } from 'node:http';
import { WarehouseError } from '../warehouse-error.ts';
import type { FileSource } from '../warehouse-files.ts';

const chunkBytes = 512 * 1024;

export function sourceSize(source: FileSource): number {
  return 'bytes' in source ? source.bytes.length : source.size;
}

/** Writes a source into a request, no faster than the socket takes it. Stops quietly when the request is over before. */
export async function sendSource(source: FileSource, request: ClientRequest): Promise<void> {
  if ('bytes' in source) {
    if (source.bytes.length > 0) request.write(source.bytes);
    return;
  }
  const file = await open(source.localPath, 'r');
  try {
    const { size } = await file.stat();
    if (size !== source.size) throw badSource(source, `expected ${source.size} bytes, found ${size}`);
    for (let position = 0; position < size && !request.destroyed; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, size - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) throw badSource(source, 'it became shorter while it was read');
      position += bytesRead;
      if (!request.write(chunk.subarray(0, bytesRead))) await drained(request);
    }
  } finally {
    await file.close();
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    if (request.destroyed) return resolve();
    const done = () => {
      request.off('drain', done);
      request.off('close', done);
      resolve();
    };
    request.on('drain', done);
    request.on('close', done);
  });
}

function badSource(source: { localPath: string }, what: string): WarehouseError {
  return new WarehouseError('bad-source', `${source.localPath}: ${what}`);
}
