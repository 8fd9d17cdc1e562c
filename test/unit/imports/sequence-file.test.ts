import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HadoopInput } from '../../../src/imports/hadoop-input.ts';
import { readSequenceFile } from '../../../src/imports/sequence-file.ts';

// Files that Hadoop itself wrote are read in test/real/imports.test.ts.

const text = (value: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const sync = Buffer.alloc(16, 7);
const header = (isBlock: boolean, codec?: string): Buffer =>
  Buffer.concat([
    Buffer.from('SEQ\x06'),
    text('K'),
    text('V'),
    Buffer.from([codec ? 1 : 0, isBlock ? 1 : 0]),
    codec ? text(codec) : Buffer.alloc(0),
    int32(1),
    text('who'),
    text('me'),
    sync,
  ]);

describe('a SequenceFile', () => {
  it('gives its records, over a sync mark too', () => {
    const record = Buffer.concat([int32(5), int32(2), Buffer.from('kkvvv')]);
    const file = Buffer.concat([header(false), record, int32(-1), sync, record]);
    const { keyClass, entries } = readSequenceFile(file, 'f');
    expect(keyClass).toBe('K');
    expect(entries.map(({ key, value }) => `${key}=${value}`)).toEqual(['kk=vvv', 'kk=vvv']);
  });

  it('gives the records of compressed blocks', () => {
    const part = (bytes: Buffer): Buffer => {
      const deflated = deflateSync(bytes);
      return Buffer.concat([Buffer.from([deflated.length]), deflated]);
    };
    const parts = [Buffer.from([1, 2]), Buffer.from('abb'), Buffer.from([0, 3]), Buffer.from('xyz')].map(part);
    const file = Buffer.concat([header(true, 'a.b.DefaultCodec'), int32(-1), sync, Buffer.from([2]), ...parts]);
    const { entries } = readSequenceFile(file, 'f');
    expect(entries.map(({ key, value }) => `${key}=${value}`)).toEqual(['a=', 'bb=xyz']);
  });

  it('that is none, is cut, is of another version or codec, is refused by name', () => {
    const record = Buffer.concat([header(false), int32(5), int32(2), Buffer.from('kkv')]);
    expect(() => readSequenceFile(record, 'f')).toThrow('f: expected 3 more bytes, found 1: cut off?');
    expect(() => readSequenceFile(Buffer.from('PAR1'), 'f')).toThrow('f: expected a SequenceFile');
    expect(() => readSequenceFile(Buffer.from('SEQ\x04'), 'f')).toThrow('expected version 6');
    expect(() => readSequenceFile(header(true, 'org.apache.hadoop.io.compress.Lz4Codec'), 'f')).toThrow('Lz4Codec');
  });
});

describe("Hadoop's variable-length integers", () => {
  it.each([
    [[0], 0],
    [[127], 127],
    [[0x90], -112],
    [[0x8f, 0x80], 128],
    [[0x8e, 0x01, 0x00], 256],
    [[0x87, 0x70], -113],
    [[0x8c, 0x7f, 0xff, 0xff, 0xff], 2_147_483_647],
  ])('%j is %i', (bytes, value) => {
    expect(new HadoopInput(Buffer.from(bytes), 'f').vint()).toBe(value);
  });
});
