import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The lines of a golden file (test/golden/NAME.jsonl.gz), made by Kafka's own classes: see scripts/generate-golden.mjs. */
export function readGolden<T>(name: string): T[] {
  const file = new URL(`../golden/${name}.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}
