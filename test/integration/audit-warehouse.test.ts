import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditOptions, type AuditReport, auditWarehouse } from '../../src/loader/index.ts';
import type { CommitRecord, PartitionChain } from '../../src/offsets/index.ts';
import { SmallWarehouse } from '../support/small-warehouse.ts';

let warehouse: SmallWarehouse;
let chain: PartitionChain;
let commits: CommitRecord[];

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

beforeEach(async () => {
  warehouse = await SmallWarehouse.create();
  chain = await warehouse.claim(0);
  commits = [
    await warehouse.commit(chain, numbers(25)),
    await warehouse.commit(chain, [1, 'poison', 3, 'poison', 'poison'], { controlCount: 2 }),
    await warehouse.commit(chain, numbers(30)),
  ];
});

afterEach(async () => await warehouse.close());

async function audit(options: Partial<AuditOptions> = {}): Promise<AuditReport> {
  return await auditWarehouse(warehouse.files, options);
}

/** Local path of a visible file. */
function visible(commit: CommitRecord, index: number): string {
  return warehouse.local(`events/${commit.files[index]!.path}`);
}

/** Rewrites a Parquet file with DuckDB, as somebody with good intentions might. */
async function rewrite(path: string, query: (source: string) => string): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await connection.run(
    `COPY (${query(`read_parquet('${path}')`)}) TO '${path}.new' (FORMAT parquet, COMPRESSION zstd)`,
  );
  await rename(`${path}.new`, path);
}

describe('the audit of a whole warehouse', () => {
  it('adds up every class and finds nothing to complain about', async () => {
    for (const deep of [false, true]) {
      const report = await audit({ deep });
      expect(report.problems).toEqual([]);
      expect(report.ok).toBe(true);
      expect(report.partitions).toEqual([
        {
          table: 'events',
          topic: 'events',
          topicId: 'ab'.repeat(16),
          partition: 0,
          first: 0n,
          next: 62n,
          landed: 57n,
          dead: 3n,
          filtered: 0n,
          control: 2n,
          gaps: 0n,
          deduplicated: 0n,
          expired: 0n,
          backfilled: 0n,
          replayed: 0n,
          missing: [],
          double: [],
        },
      ]);
    }
  });

  it('counts declared gaps, several partitions, and eras that are gone', async () => {
    await chain.gap(62n, 70n, 'expired');
    const second = await warehouse.claim(1, undefined, { eraRecords: 2, pruneGraceMs: 0 });
    for (let roll = 0; roll < 7; roll++) {
      await warehouse.commit(second, [roll]);
      await second.turnEraIfDue();
    }
    const report = await audit({ deep: true });
    expect(report).toMatchObject({
      ok: true,
      partitions: [
        { next: 70n, gaps: 8n },
        { partition: 1, next: 7n, landed: 7n },
      ],
    });
  });

  it('takes files whose move is still to be made where they lie', async () => {
    await warehouse.commit(chain, numbers(5), { moves: false });
    expect(await audit({ deep: true })).toMatchObject({ ok: true, problems: [], partitions: [{ landed: 62n }] });
  });
});

describe('the audit finds', () => {
  it('a row that was taken out of a file, and names its offset', async () => {
    await rewrite(visible(commits[0]!, 1), (source) => `SELECT * FROM ${source} WHERE _offset <> 13`);
    const shallow = await audit();
    expect(shallow.ok).toBe(false);
    expect(shallow.problems.map(({ message }) => message).join('\n')).toMatch(/its footer says rows 9, the ledger 10/);
    expect((await audit({ deep: true })).partitions[0]).toMatchObject({ missing: [13n], double: [] });
  });

  it('a row that was put into a file twice', async () => {
    await rewrite(
      visible(commits[2]!, 0),
      (source) => `SELECT * FROM ${source} UNION ALL SELECT * FROM ${source} WHERE _offset = 33`,
    );
    expect((await audit({ deep: true })).partitions[0]).toMatchObject({ missing: [], double: [33n] });
  });

  it('rows of another commit in a file, which are missing here and double there', async () => {
    await copyFile(visible(commits[0]!, 0), visible(commits[2]!, 0));
    const { partitions, problems } = await audit({ deep: true });
    expect(partitions[0]!.missing).toEqual(numbers(10).map((i) => BigInt(32 + i)));
    expect(partitions[0]!.double).toEqual(numbers(10).map(BigInt));
    expect(problems.map(({ message }) => message).join('\n')).toMatch(/10 of its offsets are not in \[32, 62\)/);
  });

  it('a file that is gone, and every offset in it', async () => {
    await rm(visible(commits[0]!, 2));
    const { partitions, problems } = await audit({ deep: true });
    expect(partitions[0]!.missing).toEqual([20n, 21n, 22n, 23n, 24n]);
    expect(problems[0]).toMatchObject({ table: 'events', topic: 'events', partition: 0 });
    expect(problems[0]!.message).toMatch(/^dt=2026-11-21\/hr=09\/part\+events\+0\+.*missing \(5 rows\)$/);
  });

  it('a file that readers see and no record names, and the offsets it doubles', async () => {
    const copy = visible(commits[0]!, 2).replace('part+', 'copy-of-part+');
    await copyFile(visible(commits[0]!, 2), copy);
    const { partitions, problems } = await audit({ deep: true });
    expect(partitions[0]!.double).toEqual([20n, 21n, 22n, 23n, 24n]);
    expect(problems[0]!.message).toMatch(/copy-of-part.*readers see it, but no record of the ledger names it/);
  });

  it('a file cut short, and what cannot be Parquet at all', async () => {
    await writeFile(visible(commits[0]!, 0), 'PAR1');
    await writeFile(warehouse.local('events/dt=2026-11-21/notes.txt'), 'hello');
    const { ok, problems } = await audit();
    expect(ok).toBe(false);
    const text = problems.map(({ message }) => message).join('\n');
    expect(text).toMatch(/4 bytes, the ledger says \d+/);
    expect(text).toMatch(/not a whole Parquet file/);
    expect(text).toMatch(/dt=2026-11-21\/notes.txt: readers see it/);
  });

  it('dead letters that are gone or were altered', async () => {
    const dead = warehouse.local(`events/${commits[1]!.deadLetters!.path}`);
    await writeFile(dead, '{"offset":"26"}\n{"offset":"28"}\n{"offset":"28"}\n');
    expect((await audit({ deep: true })).partitions[0]).toMatchObject({ missing: [29n], double: [28n] });
    await rm(dead);
    const { partitions, problems } = await audit({ deep: true });
    expect(partitions[0]!.missing).toEqual([26n, 28n, 29n]);
    expect(problems[0]!.message).toMatch(/missing \(3 dead letters\)/);
  });

  it('a ledger that cannot be read, without hiding the other partitions', async () => {
    const second = await warehouse.claim(1);
    await warehouse.commit(second, [1]);
    const folder = `/events/_sluice/ledger/${'ab'.repeat(16)}/1/${second.state.eraFolder}`;
    await writeFile(warehouse.local(`${folder}/${String(second.state.sequence).padStart(20, '0')}.json`), '');
    const { ok, partitions, problems } = await audit();
    expect(ok).toBe(false);
    expect(partitions.map(({ partition }) => partition)).toEqual([0]);
    expect(problems.map(({ message }) => message).join('\n')).toMatch(/the file is empty.*sluice offsets repair/);
  });

  it('a checkpoint that the log does not bear out', async () => {
    const log = { topic: 'events', topicId: 'ab'.repeat(16), partition: 0 };
    const message = async (bounds: object): Promise<string | undefined> =>
      (await audit({ logBounds: [{ ...log, start: 0n, end: 100n, ...bounds }] })).problems[0]?.message;
    expect(await message({})).toBeUndefined();
    expect(await message({ end: 61n })).toMatch(/the checkpoint is 62, but the log ends at 61/);
    expect(await message({ start: 63n })).toMatch(/the log begins at 63 only/);
    expect(await message({ topicId: 'cd'.repeat(16) })).toMatch(/the cluster has no such partition of topic id abab/);
  });
});
