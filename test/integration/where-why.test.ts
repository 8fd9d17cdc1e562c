import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadLab } from '../support/load-lab.ts';
import { waitFor } from '../support/peers.ts';
import { runSluice } from '../support/sluice-process.ts';

let lab: LoadLab;
let url: string;
let directory: string;

/** Offsets 0-4 expire before the first load, 5-99 land (42 as a dead letter), 100-109 expire, 110-119 land, 120-129 are read. */
beforeAll(async () => {
  lab = await LoadLab.open();
  ({ url, directory } = lab.warehouse('where'));
  await lab.createTopic('sought', 1);
  const records = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({
      key: null,
      value: from + i === 42 ? 'broken' : `{"n":${from + i}}`,
    }));
  await lab.produce('sought', 0, records(0, 100), 5);
  await lab.deleteRecords('sought', 0, 5n);
  const args = ['--until-end', '--max-dead-letters', '1', '--on-gap', 'record'];
  expect((await lab.load('sought', url, args).finished).code).toBe(0);
  await lab.produce('sought', 0, records(100, 120), 5);
  await lab.deleteRecords('sought', 0, 110n);
  expect((await lab.load('sought', url, args).finished).code).toBe(0);
  await lab.produce('sought', 0, records(120, 130), 5);
});
afterAll(() => lab.close());

async function where(offset: number, args: string[] = []) {
  const done = await runSluice(['where', `sought/0@${offset}`, '--warehouse', url, '--json', ...args]);
  expect(done.code, done.stderr).toBe(0);
  return JSON.parse(done.stdout)[0];
}

describe('sluice where', () => {
  it('names the file and the row of a record that landed', async () => {
    const { found } = await where(77);
    expect(found).toMatchObject({ place: 'file', broughtBy: expect.stringMatching(/^commit \d+$/) });
    const duckdb = await (await DuckDBInstance.create()).connect();
    const path = join(directory, 'sought', found.file);
    const read = await duckdb.runAndReadAll(
      `SELECT n FROM read_parquet('${path}', file_row_number = true) WHERE file_row_number = ${found.row}`,
    );
    expect(read.getRows()).toEqual([[77n]]);
    duckdb.closeSync();
  });

  it('shows a dead letter with its reason, a declared gap, and what came before the first load', async () => {
    expect((await where(42)).found).toMatchObject({ place: 'dead-letter', code: 'not-json', line: 1 });
    expect((await where(103)).found).toMatchObject({ place: 'gap' });
    expect((await where(3)).found).toEqual({ place: 'before-first', first: '5' });
  });

  it('tells a record in the log from one that was never appended', async () => {
    const brokers = ['--brokers', lab.bootstrap];
    expect(await where(125, brokers)).toMatchObject({ found: { place: 'not-committed' }, log: 'in-log' });
    expect(await where(5000, brokers)).toMatchObject({ found: { place: 'not-committed' }, log: 'not-appended' });
    const words = await runSluice(['where', 'sought/0@125', '--warehouse', url, ...brokers]);
    expect(words.stdout).toBe('sought/0@125 (table sought): in the log, not committed yet (the checkpoint is 120)\n');
  });

  it('finds a record that a running load holds in memory', async () => {
    const load = lab.load('sought', url, ['--roll-age', '1h', '--http', '127.0.0.1:0']);
    const [, http] = await load.waitFor(/^ready http=(\S+)$/m);
    try {
      await waitFor('the record to be read', 60_000, async () => {
        return (await where(125, ['--http', http!])).buffered === 'encoded';
      });
      const why = await runSluice(['why', 'sought', '--warehouse', url, '--http', http!]);
      expect(why.stdout).toMatch(/now: running: waits for the roll to be due: oldest row \d+ s of 3600 s/);
    } finally {
      await load.stop();
    }
  });

  it('refuses what is no place, and a topic that was never loaded', async () => {
    const wrong = await runSluice(['where', 'sought-0-5', '--warehouse', url]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/expected TOPIC\/PARTITION@OFFSET/) });
    const none = await runSluice(['where', 'other/0@5', '--warehouse', url]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringMatching(/found none that was loaded/) });
  });
});

describe('sluice why', () => {
  it('says what caused each roll, and who holds the partition back', async () => {
    await runSluice(['partitions', 'pause', 'sought', '0', '--reason', 'a test', '--warehouse', url]);
    const { stdout, code } = await runSluice(['why', 'sought', '--warehouse', url]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\[5, 100\) rolled at the end of a bounded load: 94 rows in 1 files, .* 1 dead letters/);
    expect(stdout).toMatch(/\[100, 110\) declared a gap: the log of sought-0 began at 110/);
    expect(stdout).toMatch(/waits: paused by .*: a test/);
    await runSluice(['partitions', 'resume', 'sought', '0', '--reason', 'the test is over', '--warehouse', url]);
    const json = JSON.parse((await runSluice(['why', 'sought', '--warehouse', url, '--json'])).stdout);
    expect(json).toMatchObject({ table: 'sought', partitions: [{ causes: { 'end-of-input': 2 } }] });
  });
});
