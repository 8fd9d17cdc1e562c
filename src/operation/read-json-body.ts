import type { IncomingMessage } from 'node:http';
import { BadInputError } from '../shared/index.ts';

const maxBodyBytes = 64 * 1024;

/** The JSON object that is the body of a request, 64 KiB at most; null: there is no body. Throws BadInputError. */
export async function readJsonBody(request: IncomingMessage): Promise<Record<string, unknown> | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new BadInputError(`expected a body of at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new BadInputError('expected a JSON object as body');
}
