import type { ClientRequest } from 'node:http';
import { readSource } from '../source-file.ts';
import type { FileSource } from '../warehouse-files.ts';

const chunkBytes = 512 * 1024;

/** Writes a source into a request, no faster than the socket takes it. Stops quietly when the request is over before. */
export async function sendSource(source: FileSource, request: ClientRequest): Promise<void> {
  if ('bytes' in source) {
    if (source.bytes.length > 0) request.write(source.bytes);
    return;
  }
  for await (const chunk of readSource(source, chunkBytes)) {
    if (request.destroyed) return;
    if (!request.write(chunk)) await drained(request);
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      request.off('drain', done);
      request.off('close', done);
      resolve();
    };
    request.on('drain', done);
    request.on('close', done);
    if (request.destroyed) done();
  });
}
