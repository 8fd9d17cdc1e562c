import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSealedJson } from '../../../src/offsets/canonical-json.ts';
import type { CommitRecord, LedgerRecord } from '../../../src/offsets/index.ts';
import { decodeRecord, encodeRecord } from '../../../src/offsets/record-codec.ts';
import { owner, topicId } from './chain-fixture.ts';

const seed = Number(process.env['SLUICE_SEED'] ?? 7_654_321);

const base = {
  formatVersion: 1,
  era: 1,
  sequence: 7,
  topic: '.b',
  topicId,
  partition: 0,
  owner: owner('m', 3),
  attempt: 'x1',
  writtenAtMs: 1_795_000_000_000,
  previousHash: 'a'.repeat(64),
  publishedThrough: 6,
};

const noRuns = { dead: [], filtered: [], control: [], gaps: [] };

function commit(changes: Partial<CommitRecord> = {}): CommitRecord {
  const file = {
    staged: '_sluice/staging/x/0/1/a.parquet',
    path: 'dt=2026-11-21/hr=07/part+b+0+10+19+7.parquet',
    size: 123,
    firstOffset: 10n,
    lastOffset: 19n,
    rowCount: 8,
    minTimeMs: -5n,
    maxTimeMs: 9n,
    contentHash: 'ff',
    schemaId: 1,
  };
  return {
    ...base,
    kind: 'commit',
    first: 10n,
    next: 20n,
    files: [file],
    deadLetters: null,
    notLanded: { ...noRuns, control: [{ first: 12n, next: 14n }] },
    landedCount: 8n,
    cause: 'age',
    leaderEpoch: 2,
    ...changes,
  };
}

describe('a ledger record', () => {
  it('reads back as it was written, 64-bit offsets included', () => {
    const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    const record: fc.Arbitrary<LedgerRecord> = fc.oneof(
      fc
        .record({ next: offset, takeOver: fc.option(fc.string()) })
        .map((part): LedgerRecord => ({ ...base, kind: 'claim', ...part })),
      fc.record({ next: offset }).map((part): LedgerRecord => ({ ...base, kind: 'release', ...part })),
      fc
        .tuple(offset, offset, fc.string())
        .filter(([first, next]) => first < next)
        .map(([first, next, reason]): LedgerRecord => ({ ...base, kind: 'gap', first, next, reason })),
      fc.constant<LedgerRecord>(commit()),
    );
    fc.assert(
      fc.property(record, (original) => {
        const { bytes, hash } = encodeRecord(original);
        expect(decodeRecord(bytes, '/r')).toEqual({ record: original, hash });
      }),
      { seed, numRuns: 200 },
    );
  });

  it('has one encoding: the order in which members were set does not matter', () => {
    const original = commit();
    const reversed = Object.fromEntries(Object.entries(original).reverse()) as unknown as CommitRecord;
    expect(encodeRecord(reversed).bytes.equals(encodeRecord(original).bytes)).toBe(true);
  });

  it('is told from a torn one, wherever it is cut', () => {
    const { bytes } = encodeRecord(commit());
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeRecord(bytes.subarray(0, length), '/r')).toThrow(/\/r: .*sluice offsets repair/);
    }
  });

  it('is told from an altered one, whichever byte is altered', () => {
    const { bytes } = encodeRecord(commit());
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 16]) {
        const altered = Buffer.from(bytes);
        altered[at]! ^= bit;
        expect(() => decodeRecord(altered, '/r')).toThrow(expect.objectContaining({ name: 'LedgerError' }));
      }
    }
  });

  it('of a kind or a format version we do not know is refused by name', () => {
    const unknown = encodeRecord({ ...base, kind: 'release', next: 1n });
    const rewind = unknown.bytes.toString().replace('"release"', '"vacuum"');
    expect(() => decodeRecord(resealed(rewind), '/r')).toThrow(/got "vacuum"; a newer Sluice may have written it/);
    const newer = unknown.bytes.toString().replace('"formatVersion":1', '"formatVersion":2');
    expect(() => decodeRecord(Buffer.from(newer), '/r')).toThrow(/expected format version 1, got 2/);
  });

  const wrong: [string, Partial<CommitRecord>, RegExp][] = [
    ['an empty range', { next: 10n }, /expected first < next/],
    ['rows that do not add up', { landedCount: 9n }, /the files hold 8 rows, landedCount says 9/],
    ['an offset that nothing explains', { next: 21n }, /8 landed \+ 2 not landed is not the 11 offsets/],
    [
      'overlapping runs',
      {
        notLanded: {
          ...noRuns,
          control: [
            { first: 12n, next: 14n },
            { first: 13n, next: 15n },
          ],
        },
      },
      /rising runs/,
    ],
    [
      'an offset in two classes',
      { notLanded: { ...noRuns, control: [{ first: 12n, next: 13n }], filtered: [{ first: 12n, next: 13n }] } },
      /offset 12 is in two classes/,
    ],
    [
      'dead offsets without dead letters',
      { notLanded: { ...noRuns, dead: [{ first: 12n, next: 14n }] } },
      /covers 2 offsets, the dead-letter file holds 0/,
    ],
    ['a file outside the range', { files: [{ ...commit().files[0]!, lastOffset: 20n }] }, /not within \[10, 20\)/],
    ['moves it cannot know of', { publishedThrough: 7 }, /expected publishedThrough below/],
  ];
  for (const [name, changes, message] of wrong) {
    it(`is not written with ${name}`, () => {
      expect(() => encodeRecord(commit(changes))).toThrow(
        expect.objectContaining({ code: 'bad-record', message: expect.stringMatching(message) }),
      );
    });
  }
});

/** The line with a checksum that fits again. */
function resealed(text: string): Buffer {
  const { checksum: _, ...members } = JSON.parse(text) as Record<string, unknown>;
  return encodeSealedJson(members);
}
