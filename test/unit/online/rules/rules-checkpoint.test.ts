import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RulesCheckpoint } from '../../../../src/online/rules/rules-checkpoint.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-checkpoint-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const state = {
  partitions: [{ topic: 't', partition: 0, next: 2n ** 60n, maxTimeMs: Number.NEGATIVE_INFINITY }],
  counts: { events: 3, late: 0, droppedRuns: 0, matches: 0 },
  records: [
    { run: { rule: 0, key: 's"a\n', absorbUntilMs: Number.POSITIVE_INFINITY } },
    { run: { rule: 1, key: '', absorbUntilMs: 5 } },
  ],
};

describe("a running program's checkpoint", () => {
  it('comes back as it was written', async () => {
    const { checkpoint, state: none } = await RulesCheckpoint.open(folder, 'program');
    expect(none).toBeNull();
    await checkpoint.save(state);
    const { state: found } = await RulesCheckpoint.open(folder, 'program');
    expect({ ...found, records: [...found!.records] }).toEqual(state);
  });

  it('is refused with what to do when another version wrote it, or when it is cut', async () => {
    const path = join(folder, 'checkpoint.json');
    writeFileSync(path, '{"formatVersion":2,"program":"","matchesBytes":0,"state":{}}\n');
    await expect(RulesCheckpoint.open(folder, 'program')).rejects.toThrow(
      `expected format 3 in ${path}, found 2: another version of sluice wrote it; name a new folder, or remove this one to begin again`,
    );
    rmSync(path);
    const { checkpoint } = await RulesCheckpoint.open(folder, 'program');
    await checkpoint.save(state);
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, `${lines.slice(0, 2).join('\n')}\n`);
    const { state: cut } = await RulesCheckpoint.open(folder, 'program');
    expect(() => [...cut!.records]).toThrow(
      'expected the number of records at the end of the checkpoint, found its end',
    );
  });
});
