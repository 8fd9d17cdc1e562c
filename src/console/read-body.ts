import type { IncomingMessage } from 'node:http';
import { readJsonBody } from '../operation/index.ts';
import { BadInputError } from '../shared/index.ts';

/** The JSON object of a request, which has to say that it is JSON: a form of another site cannot. Throws BadInputError. */
export async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new BadInputError('expected content-type: application/json');
  }
  const body = await readJsonBody(request);
  if (body === null) throw new BadInputError('expected a JSON object as body');
  return body;
}
