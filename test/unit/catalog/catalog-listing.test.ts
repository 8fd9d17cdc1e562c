import { describe, expect, it } from 'vitest';
import { readListing } from '../../../src/catalog/catalog-listing.ts';

const folders = ['dt', 'hr', 'Country'];
// As Hive 2.3.10, Spark 4.1.3 and Beeline print them.
const hive = [
  '# col_name            \tdata_type           \tcomment             ',
  '\t \t ',
  'id                  \tbigint              \t                    ',
  's                   \tstruct<userId:bigint>\t                    ',
  '\t \t ',
  '# Partition Information\t \t ',
  '# col_name            \tdata_type           \tcomment             ',
  '\t \t ',
  'dt                  \tstring              \t                    ',
  'hr                  \tstring              \t                    ',
  'country             \tstring              \t                    ',
  '\t \t ',
  '# Detailed Table Information\t \t ',
  'Database:           \tlake                \t ',
  'Location:           \tfile:/data/visits\t ',
  'Table Type:         \tEXTERNAL_TABLE      \t ',
  'Table Parameters:\t \t ',
  '\texternal.table.purge\tfalse               ',
  '\t \t ',
  '# Storage Information\t \t ',
  'SerDe Library:      \torg.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe\t ',
].join('\n');
const spark = [
  'id\tbigint\tNULL',
  's\tstruct<userId:bigint>\tNULL',
  'dt\tstring\tNULL',
  'hr\tstring\tNULL',
  'country\tstring\tNULL',
  '# Partition Information\t\t',
  '# col_name\tdata_type\tcomment',
  'dt\tstring\tNULL',
  'hr\tstring\tNULL',
  'country\tstring\tNULL',
  '\t\t',
  '# Detailed Table Information\t\t',
  'Type\tEXTERNAL\t',
  'Provider\tPARQUET\t',
  'Table Properties\t[discover.partitions=false, external.table.purge=false]\t',
  'Location\tfile:/data/visits\t',
].join('\n');
const partitions = ['dt=2026-11-20/hr=07/country=a b%2Fc%3D100%25', 'dt=2026-11-20/hr=07/country=Österreich'].join(
  '\n',
);
const framed = (text: string): string =>
  [
    '+-----+-----+',
    '| col_name | data_type | comment |',
    '+-----+-----+',
    ...text.split('\n').map((line) => `| ${line.split('\t').join(' | ')} |`),
    '+-----+',
  ].join('\n');

describe('what a client prints of a table', () => {
  it.each([
    ['Hive', `${hive}\n${partitions}\n`],
    ['Spark', `${spark}\r\n${partitions.replaceAll('\n', '\r\n')}`],
    [
      'Beeline in frames',
      `${framed(hive)}\n+---+\n| partition |\n+---+\n${partitions.replaceAll(/^.*$/gm, '| $& |')}\n+---+`,
    ],
    ['two files, the partitions first', `${partitions}\n${hive}`],
  ])('is read from %s', (_who, text) => {
    const listing = readListing(text, folders);
    expect(listing).toMatchObject({
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 's', type: 'struct<userId:bigint>' },
      ],
      partitionColumns: ['dt', 'hr', 'country'].map((name) => ({ name, type: 'string' })),
      ...{ location: 'file:/data/visits', isExternal: true, hasPurge: false },
    });
    expect(listing.partitions.map(({ values }) => values)).toEqual([
      ['2026-11-20', '07', 'a b/c=100%'],
      ['2026-11-20', '07', 'Österreich'],
    ]);
  });

  it.each([
    ['Hive', hive.replace('EXTERNAL_TABLE', 'MANAGED_TABLE').replace('purge\tfalse', 'purge\ttrue')],
    ['Spark', spark.replace('EXTERNAL', 'MANAGED').replace('purge=false', 'purge=true')],
  ])('tells of a table of %s whether its files would go with it', (_who, text) => {
    expect(readListing(text, folders)).toMatchObject({ isExternal: false, hasPurge: true });
  });

  it('may be nothing but partitions, or nothing at all', () => {
    expect(readListing(partitions, folders)).toMatchObject({ columns: null, location: null });
    expect(readListing('', folders)).toMatchObject({ columns: null, partitions: [] });
  });

  it('is refused when nothing in it is understood', () => {
    expect(() => readListing('FAILED: SemanticException Table not found', folders)).toThrow(
      /expected lines like dt=\.\.\.\/hr=.* got "FAILED/,
    );
    expect(() => readListing('dt=2026-11-20\n', folders)).toThrow(/expected lines like dt=/);
  });
});
