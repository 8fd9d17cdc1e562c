// Pins: what is committed is what Kafka's own jars give (tables and golden vectors), and Kafka reads the batches we write.
// Needs Maven and a JDK.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBatch, type ProducerRecord } from '../../src/wire/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe("Kafka's own jars", () => {
  let work: string;
  let jars: string;

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'wire-generate-'));
    jars = join(work, 'jars');
  });

  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('give the generated tables that are committed', () => {
    const out = join(work, 'generated');
    execFileSync('node', [join(root, 'scripts/generate-wire.mjs'), '--out', out, '--jars', jars]);
    expect(filesIn(out)).toEqual(filesIn(join(root, 'src/wire/generated')));
  });

  it('give the golden vectors that are committed', () => {
    const out = join(work, 'golden');
    execFileSync('node', [join(root, 'scripts/generate-golden.mjs'), '--out', out, '--jars', jars]);
    for (const name of ['messages.jsonl.gz', 'batches.jsonl.gz']) {
      expect(
        gunzipSync(readFileSync(join(out, name))).equals(gunzipSync(readFileSync(join(root, 'test/golden', name)))),
        name,
      ).toBe(true);
    }
  });

  it('read the batches that we write, with every codec', () => {
    const file = join(work, 'batches');
    const batches = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).flatMap((compression, index) => [
      { compression, baseOffset: BigInt(index) * 1_000_000n, records: variedRecords(3000) },
      {
        compression,
        baseOffset: BigInt(index) * 1_000_000n + 5000n,
        records: [{ value: Buffer.alloc(300_000, 'ab') }],
      },
    ]);
    const bytes = batches.map(({ records, ...options }) =>
      encodeBatch(records, { ...options, timestampMs: 1_795_000_000_000n }),
    );
    writeFileSync(file, Buffer.concat(bytes));
    const printed = execFileSync(
      'java',
      ['-cp', join(jars, '*'), join(root, 'scripts/wire-oracle/ReadBatches.java'), file],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const expected = batches.flatMap(({ compression, baseOffset, records }) =>
      records.map((record, i) => ({
        offset: `${baseOffset + BigInt(i)}`,
        timestamp: `${record.timestamp ?? 1_795_000_000_000n}`,
        codec: compression,
        key: base64(record.key ?? null),
        value: base64(record.value),
        headers: record.headers?.length ?? 0,
      })),
    );
    const lines = printed.trim().split('\n');
    expect(lines.length).toBe(expected.length);
    expect(lines.map((line) => JSON.parse(line))).toEqual(expected);
  });
});

function variedRecords(count: number): ProducerRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: i % 3 === 0 ? null : `user-${i % 97}`,
    value:
      i % 50 === 7
        ? null
        : JSON.stringify({ event: 'page_view', user: (i * 7919) % 4001, text: 'ä世🎮'.repeat(i % 5) }),
    timestamp: 1_795_000_000_000n + BigInt((i * 37) % 1000),
    headers: i % 10 === 0 ? [{ name: 'trace', value: i % 20 === 0 ? null : Buffer.from(`${i}`) }] : [],
  }));
}

function base64(value: Buffer | string | null): string | null {
  return value === null ? null : Buffer.from(value as string).toString('base64');
}

/** Name -> content of every file. */
function filesIn(directory: string): Record<string, string> {
  return Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
}
