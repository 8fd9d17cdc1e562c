import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRules } from '../../../../src/online/rules/parse-rules.ts';
import { RuleEngine } from '../../../../src/online/rules/rule-engine.ts';
import { RulesCheckpoint } from '../../../../src/online/rules/rules-checkpoint.ts';
import { columnsOf } from './event-batches.ts';

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
      `expected format 4 in ${path}, found 2: another version of sluice wrote it; name a new folder, or remove this one to begin again`,
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

  it('of format 3, where each beginning of a count holds all its events, goes on', async () => {
    const text = 'WHEN 3 TIMES A WITHIN 1 hour ACTION C';
    const begin = (first: number, events: number[]): string => {
      const at = (offset: number) => ({
        topic: 't',
        partition: 0,
        offset: { int64: String(offset) },
        timeMs: offset * 1000,
      });
      const all = events.map((offset) => ({ ...at(offset), type: 'A', data: null }));
      const run = {
        rule: 0,
        key: '',
        first: at(first),
        deadlineMs: first * 1000 + 3_600_000,
        step: 0,
        occurrences: all.length,
        events: all,
      };
      return JSON.stringify({ run });
    };
    const head = {
      ...{ formatVersion: 3, program: createHash('sha256').update(text).digest('hex'), matchesBytes: 0 },
      partitions: [{ topic: 't', partition: 0, next: { int64: '2' }, maxTimeMs: 1000 }],
      counts: { events: 2, late: 0, droppedRuns: 0, matches: 0 },
    };
    const lines = [JSON.stringify(head), begin(0, [0, 1]), begin(1, [1]), '{"records":2}', ''];
    writeFileSync(join(folder, 'checkpoint.json'), lines.join('\n'));
    const { state: found } = await RulesCheckpoint.open(folder, text);
    const engine = new RuleEngine(parseRules(text), text);
    engine.restore(found!);
    engine.push(columnsOf([{ topic: 't', partition: 0, offset: 2, timeMs: 2000, type: 'A', fields: {} }], false));
    engine.finish();
    expect(engine.takeMatches().map(({ events }) => events.map(({ offset }) => offset))).toEqual([[0n, 1n, 2n]]);
  });
});
