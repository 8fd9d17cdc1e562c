import { readFileSync } from 'node:fs';

/** From package.json, which lies two folders up from src/cli as well as from dist/program. */
export const packageVersion: string = readVersion();

function readVersion(): string {
  const content = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(content) as { version: string }).version;
}
