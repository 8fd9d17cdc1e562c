import { existsSync, readFileSync } from 'node:fs';
import { isScalar, LineCounter, parseDocument } from 'yaml';
import type { ShownSetting } from './shown-setting.ts';

/** Where in a contract stands what a setting of a load says. */
const places: Readonly<Record<string, readonly string[]>> = {
  timeField: ['timeField'],
  zone: ['hours', 'zone'],
  pathFormat: ['hours', 'layout'],
  partitionBy: ['partitionBy'],
  maxPartitionValues: ['maxPartitionValues'],
  rollBytes: ['roll', 'bytes'],
  rollRecords: ['roll', 'records'],
  rollAge: ['roll', 'age'],
  rollEvery: ['roll', 'schedule'],
  freshness: ['roll', 'freshness'],
  retention: ['retention'],
  format: ['format'],
  codec: ['parquet', 'codec'],
  rowGroupRows: ['parquet', 'rowGroupRows'],
};

/** What a contract says of files counts more than the command line; of all else the command line counts more. */
const contractFirst = new Set(['codec', 'rowGroupRows']);

/**
 * What the contract of all topics at `path` says, by the name of the setting (`rollBytes`), with file and line. Of a contract that
 * cannot be read nothing: whoever loads by it says what is wrong.
 */
export function contractSettings(path: string): Map<string, Pick<ShownSetting, 'value' | 'source'>> {
  const found = new Map<string, Pick<ShownSetting, 'value' | 'source'>>();
  if (!existsSync(path)) return found;
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines });
  for (const [name, place] of Object.entries(places)) {
    const node: unknown = document.getIn(place, true);
    if (node === undefined || node === null) continue;
    const value: unknown = isScalar(node) ? node.value : (node as { toJSON(): unknown }).toJSON();
    const start = (node as { range?: [number, number, number] }).range?.[0];
    const line = start === undefined ? '' : `:${lines.linePos(start).line}`;
    found.set(name, { value, source: `${path}${line}` });
  }
  return found;
}

/** The setting as it is in force beside a contract; `isGiven`: it was said on the command line. */
export function besideContract(
  setting: ShownSetting,
  name: string,
  contract: ReturnType<typeof contractSettings>,
  isGiven: boolean,
): ShownSetting {
  const said = contract.get(name);
  if (said === undefined || (isGiven && !contractFirst.has(name))) return setting;
  return { ...setting, ...said };
}
