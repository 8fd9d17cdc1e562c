import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  contractOptions,
  differencesFromLoad,
  keepTableReading,
  readTableReading,
  type TableReading,
} from '../../../src/loader/index.ts';
import { settleLayout } from '../../../src/offsets/index.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

const both = { format: true, contract: true };
const plain = { format: null, contract: null, schema: null };
let folder: string;
let files: MemoryFiles;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reading-'));
  files = new MemoryFiles();
  process.env['READING_SALT'] = 'hush-1';
});
afterEach(() => {
  delete process.env['READING_SALT'];
  rmSync(folder, { recursive: true, force: true });
});

/** What a load that is given this contract goes by. */
async function settingsOf(text: string, name = 'buys.yaml') {
  const path = join(folder, name);
  writeFileSync(path, text);
  const { contract, format } = await contractOptions(path);
  return { contract: contract ?? null, format: format ?? null, schema: null };
}

const csv = 'format: { type: csv, header: [id, price], types: { id: int64 } }';
const hashed = `columns:
  - { name: price, type: "decimal(12,2)", from: amount, default: 0.10 }
  - { name: mail, type: string, hash: sha256 }
salt: { env: READING_SALT }
filter: price > 1
parquet: { codec: snappy, sortBy: [price] }`;

const kept = (): string[] => files.disk.paths('/buys/_sluice/reading/');
const numbered = (number: number): string => `/buys/_sluice/reading/${String(number).padStart(10, '0')}.json`;

describe('what a table keeps of how its newest load read it', () => {
  it('is its format and its contract, the same as the load had, and no secret', async () => {
    const load = await settingsOf(`${csv}\n${hashed}`);
    await keepTableReading(files, 'buys', load);
    await keepTableReading(files, 'buys', load);
    expect(kept()).toEqual([numbered(1)]);
    expect(files.disk.bytes(numbered(1)).toString()).not.toContain('hush');
    const { format, contract }: TableReading = await readTableReading(files, 'buys', both);
    expect(format).toEqual(load.format);
    const { schema, rules, writer } = load.contract!.all!;
    expect(contract).toMatchObject({ source: 'buys.yaml', schema, rules, writer });
    expect(contract!.rules!.salt).toBe('hush-1');
  });

  it('is nothing for a load of JSON without a contract, and for a table from before it was kept', async () => {
    await keepTableReading(files, 'buys', plain);
    await keepTableReading(files, 'buys', await settingsOf('timeField: ts\nroll: { bytes: 64MB }'));
    expect(kept()).toEqual([]);
    expect(await readTableReading(files, 'buys', both)).toEqual({ format: null, contract: null });
  });

  it('is that of the newest load', async () => {
    await keepTableReading(files, 'buys', await settingsOf(`${csv}\n${hashed}`));
    await keepTableReading(files, 'buys', plain);
    expect(kept()).toEqual([numbered(1), numbered(2)]);
    expect(await readTableReading(files, 'buys', both)).toEqual({ format: null, contract: null });
  });

  it('leaves the login of a registry where it is, and says when it is not there', async () => {
    const password = join(folder, 'registry.pw');
    writeFileSync(password, 'hush-2\n');
    const registry = '{ urls: ["http://a:1"], user: etl, passwordFile: registry.pw }';
    await keepTableReading(files, 'buys', await settingsOf(`format: { type: avro, registry: ${registry} }`));
    expect(files.disk.bytes(numbered(1)).toString()).not.toContain('hush');
    const { format } = await readTableReading(files, 'buys', both);
    const authorization = `Basic ${Buffer.from('etl:hush-2').toString('base64')}`;
    expect(format).toMatchObject({ type: 'avro', registry: { urls: ['http://a:1'], authorization } });
    rmSync(password);
    await expect(readTableReading(files, 'buys', both)).rejects.toThrow(
      /^table buys, as its newest load read it: the login of http:\/\/a:1: expected a file .*registry\.pw/,
    );
    // Who says the format himself needs no login of before.
    expect(await readTableReading(files, 'buys', { format: false, contract: true })).toMatchObject({ format: null });

    await keepTableReading(files, 'buys', await settingsOf('format: { type: avro, registry: "http://u:hush-3@a:1" }'));
    expect(files.disk.bytes(numbered(2)).toString()).not.toContain('hush');
    await expect(readTableReading(files, 'buys', both)).rejects.toThrow(/say --format and --registry once more/);
  });

  it('says where the salt was that is not there now', async () => {
    await keepTableReading(files, 'buys', await settingsOf(hashed));
    delete process.env['READING_SALT'];
    await expect(readTableReading(files, 'buys', both)).rejects.toThrow(
      'table buys, as its newest load read it: the salt of its hashes: expected a text in the environment variable READING_SALT, found none',
    );
  });

  it('that was damaged is said to be so, and the next load mends it', async () => {
    const load = await settingsOf(csv);
    await keepTableReading(files, 'buys', load);
    const text = files.disk.bytes(numbered(1)).toString().replace('price', 'prize');
    files.disk.remove(numbered(1), false);
    files.disk.write(numbered(1), Buffer.from(text));
    await expect(readTableReading(files, 'buys', both)).rejects.toMatchObject({ code: 'unreadable-reading' });
    // Whoever says all of it does not need it.
    expect(await readTableReading(files, 'buys', { format: false, contract: false })).toEqual({
      format: null,
      contract: null,
    });
    expect(await differencesFromLoad(files, 'buys', {})).toEqual([]);
    expect(await differencesFromLoad(files, 'buys', load)).toEqual([
      expect.stringMatching(/^whether its newest load read it in the same way is not known: .*reading/),
    ]);
    await keepTableReading(files, 'buys', load);
    expect((await readTableReading(files, 'buys', both)).format).toEqual(load.format);
  });
});

describe('what is said of how to read a table', () => {
  it('differs from its newest load where other rows would come of it', async () => {
    const load = await settingsOf(`${csv}\n${hashed}`);
    await keepTableReading(files, 'buys', load);
    await settleLayout(files, 'buys', { timeField: 'ts' });
    expect(await differencesFromLoad(files, 'buys', {})).toEqual([]);
    expect(await differencesFromLoad(files, 'buys', { ...load, timeField: 'ts' })).toEqual([]);
    const other = await settingsOf('columns: [{ name: price, type: double }]', 'other.yaml');
    expect(
      await differencesFromLoad(files, 'buys', { contract: other.contract, format: { type: 'json' }, timeField: null }),
    ).toEqual([
      'its newest load read values as csv; this reads them as json',
      'its newest load went by a contract buys.yaml; this goes by a contract other.yaml',
      `its newest load took the event time from the field "ts"; this takes it from the record's timestamp`,
    ]);
  });

  it('differs from nothing that is not known', async () => {
    const load = await settingsOf(`${csv}\n${hashed}`);
    expect(await differencesFromLoad(files, 'buys', { ...load, timeField: 'ts' })).toEqual([]);
  });
});
