import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

/** A busy machine takes its time to start a broker, a loader and a console. */
const patienceMs = 100_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-up-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function query(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRows();
  connection.closeSync();
  return rows as unknown[][];
}

const parquet = (): string => `read_parquet('${folder}/warehouse/events/dt=*/hr=*/*.parquet', union_by_name = true)`;

describe('sluice up', { timeout: 400_000 }, () => {
  it('lands the events of the simulated game, and at its end every acknowledged event is a row', async () => {
    const up = new SluiceProcess([
      'up',
      '--demo',
      '--web-topics',
      'site',
      '--ingest',
      '127.0.0.1:0',
      '--data',
      folder,
      '--listen',
      '127.0.0.1:0',
      '--rate',
      '400',
      '--roll-age',
      '1s',
    ]);
    await up.waitFor(/^ready kafka=127\.0\.0\.1:\d+ warehouse=file:/m, patienceMs);
    const [, url] = await up.waitFor(/^ready console=(http:\/\/127\.0\.0\.1:\d+)$/m, patienceMs);
    expect(await (await fetch(url!)).text()).toContain('<title>Sluice</title>');
    const [, ingest] = await up.waitFor(/^ready ingest=(http:\/\/127\.0\.0\.1:\d+)$/m, patienceMs);
    const event = { ts: new Date().toISOString(), type: 'request', game: 'hh', event_id: 'over-http' };
    const posted = await fetch(`${ingest}/topics/events/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    expect([posted.status, await posted.json()]).toEqual([200, expect.objectContaining({ written: 1 })]);
    expect((await fetch(`${ingest}/p.gif?page=start`)).status).toBe(200);
    await up.waitFor(/rows landed [1-9]/, patienceMs);
    const { code, stdout, stderr } = await up.stop('SIGINT');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const [, events, rows] = /stopped: ([\d,]+) events in, ([\d,]+) rows landed/.exec(stdout)!;
    const eventCount = BigInt(events!.replaceAll(',', ''));
    expect(BigInt(rows!.replaceAll(',', ''))).toBe(eventCount + 1n); // that of HTTP is not the game's
    const [[count, distinct]] = (await query(`SELECT count(*), count(DISTINCT event_id) FROM ${parquet()}`)) as [
      [bigint, bigint],
    ];
    expect(count).toBe(eventCount + 1n);
    expect(distinct).toBe(count);
    const audit = await runSluice(['audit', '--deep', '--json', '--warehouse', `file://${folder}/warehouse`]);
    expect(audit.code).toBe(0);
    expect(JSON.parse(audit.stdout).ok).toBe(true);
  });

  it('goes on where it ended when it is started again, and feeds a file of the user', async () => {
    const input = join(folder, 'mine.ndjson');
    writeFileSync(input, Array.from({ length: 500 }, (_, n) => `{"n":${n}}`).join('\n'));
    for (let start = 1; start <= 2; start++) {
      const up = new SluiceProcess([
        'up',
        '--input',
        input,
        '--rate',
        '100000',
        '--data',
        folder,
        '--listen',
        '127.0.0.1:0',
        '--roll-age',
        '1s',
      ]);
      await up.waitFor(/rows landed 500 /, patienceMs);
      expect((await up.stop()).code).toBe(0);
    }
    expect(await query(`SELECT count(*), count(DISTINCT n), sum(n)::BIGINT FROM ${parquet()}`)).toEqual([
      [1000n, 500n, 249_500n],
    ]);
  });

  it('says in one line what is wrong with its input, with exit code 2 and nothing changed', async () => {
    const config = join(folder, 'broken.yaml');
    writeFileSync(config, 'loader:\n  rollAge: soon\n');
    const cases = [
      { args: ['--input', join(folder, 'none.ndjson')], says: 'expected a file of events' },
      { args: ['--config', config], says: 'loader.rollAge' },
      { args: ['--listen', 'nowhere'], says: 'expected HOST:PORT' },
      { args: ['--rate', 'fast'], says: 'expected a whole number' },
      { args: ['--ingest', '0.0.0.0:8070'], says: 'expected --tokens FILE' },
      { args: ['--origins', 'shop.example'], says: 'expected an origin like' },
    ];
    for (const { args, says } of cases) {
      const { code, stderr } = await runSluice(['up', '--data', join(folder, 'untouched'), ...args]);
      expect(stderr).toContain(says);
      expect(code).toBe(2);
    }
  });
});
