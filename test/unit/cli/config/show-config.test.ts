import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { showConfig } from '../../../../src/cli/config/show-config.ts';
import type { ShownSetting } from '../../../../src/cli/config/shown-setting.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
  file = join(folder, 'my.yaml');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** What is shown of the options of a command line, by the option. */
async function shownFor(...words: string[]): Promise<Map<string, Omit<ShownSetting, 'name'>>> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await showConfig(words, { json: true });
  const settings = JSON.parse(String(write.mock.calls.at(-1)![0])) as ShownSetting[];
  write.mockRestore();
  return new Map(settings.map(({ name, value, source }) => [name, { value, source }]));
}

describe('what a job would run with', () => {
  it('is what the command line says, else what the settings file says, with its line; and nothing is run', async () => {
    const contract = join(folder, 'buys.yaml');
    writeFileSync(contract, 'timeField: at\n');
    const loader = `loader:\n  topics: [a]\n  warehouse: file:///w\n  columns: ${contract}\n  timeField: nowhere\n`;
    writeFileSync(file, `${loader}jobs:\n  brokers: [127.0.0.1:1]\n`);
    const shown = await shownFor('jobs', 'run', 'load-window', '--config', file, '--topics', 'b,c');
    expect(shown.get('--topics')).toEqual({ value: ['b', 'c'], source: 'option' });
    expect(shown.get('--warehouse')).toEqual({ value: 'file:///w', source: `${file}:3` });
    expect(shown.get('--brokers')).toEqual({ value: ['127.0.0.1:1'], source: `${file}:7` });
    expect(shown.get('--time-field')).toEqual({ value: 'at', source: `${contract}:1` });
    expect(shown.get('--workers')).toEqual({ value: 2, source: 'default' });

    const other = await shownFor('jobs', 'run', 'compact-files', '--config', file);
    expect(other.get('--warehouse')).toEqual({ value: 'file:///w', source: `${file}:3` });
  });
});
