import { addToken, newApiToken } from '../../ingest/index.ts';
import { exitCodes, printJson } from '../output.ts';

export interface TokenFlags {
  topics: string[];
  file: string;
  json?: boolean;
}

/** Makes a token and prints it, the only time that anybody sees it. */
export async function runIngestToken(name: string, { topics, file, json }: TokenFlags): Promise<number> {
  const { token, entry } = newApiToken(name, topics);
  await addToken(file, entry);
  if (json) printJson({ name, topics, token });
  else process.stdout.write(`${token}\n`);
  return exitCodes.complete;
}
