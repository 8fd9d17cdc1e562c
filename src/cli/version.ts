import { readFileSync } from 'node:fs';

/** From package.json, which lies three folders up from dist/src/cli and two up from src/cli. */
export const packageVersion: string = readVersion();

function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const content = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (content.name === 'sluice' && content.version) return content.version;
    } catch {
      // not there: the other layout
    }
  }
  return 'unknown';
}
