import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../../src/cli/input/open-input.ts';

describe('the format of an input', () => {
  it.each([
    ['events.ndjson', '[1]', 'ndjson'],
    ['events.JSONL', '', 'ndjson'],
    ['zips.csv', 'a,b', 'csv'],
    ['zips.tsv', 'a\tb', 'csv'],
    ['flights.parquet', '', 'parquet'],
    ['flights', 'PAR1\u0015', 'parquet'],
    ['events.json', '\n [ {"a":1}', 'json'],
    ['quakes.json', '{"type":"FeatureCollection","features":[', 'json'],
    ['quakes.json', '{\n  "features": [', 'json'],
    ['quakes.json', '{"type":"FeatureCollection","features":[1]}\n', 'json'],
    ['one.json', '{"a":1}\n', 'ndjson'],
    ['lines.json', '{"a":[1]}\n{"a":[2]}', 'ndjson'],
    ['lines.json', '{"a":1}\n{"a":2}\n', 'ndjson'],
    ['-', '{"a":1}\n', 'ndjson'],
    ['-', '[{"a":1}]', 'json'],
    ['-', 'any text\n', 'ndjson'],
    ['-', '', 'ndjson'],
  ])('%s that begins with %j is %s', (path, head, format) => {
    expect(detectFormat(path, Buffer.from(head))).toBe(format);
  });
});
