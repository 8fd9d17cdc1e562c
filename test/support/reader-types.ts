// A row of the highest and one of the lowest values of every type that a contract has, and what readers of Parquet call the types.

/** The last minute of a day in UTC, which is another day and another hour almost everywhere. */
export const lastMinute = '2026-03-29T23:59:59.999';

/** Each column with its type in the contract, in Spark, pyarrow, DuckDB, and what stands in the file. */
export const readerTypes = [
  ['c_boolean', 'boolean', 'boolean', 'bool', 'BOOLEAN', 'boolean'],
  ['c_int8', 'int8', 'tinyint', 'int8', 'TINYINT', 'int32 (INTEGER(8,true))'],
  ['c_int16', 'int16', 'smallint', 'int16', 'SMALLINT', 'int32 (INTEGER(16,true))'],
  ['c_int32', 'int32', 'int', 'int32', 'INTEGER', 'int32'],
  ['c_int64', 'int64', 'bigint', 'int64', 'BIGINT', 'int64'],
  ['c_uint8', 'uint8', 'smallint', 'uint8', 'UTINYINT', 'int32 (INTEGER(8,false))'],
  ['c_uint16', 'uint16', 'int', 'uint16', 'USMALLINT', 'int32 (INTEGER(16,false))'],
  ['c_uint32', 'uint32', 'bigint', 'uint32', 'UINTEGER', 'int32 (INTEGER(32,false))'],
  ['c_uint64', 'uint64', 'decimal(20,0)', 'uint64', 'UBIGINT', 'int64 (INTEGER(64,false))'],
  ['c_float', 'float', 'float', 'float', 'FLOAT', 'float'],
  ['c_double', 'double', 'double', 'double', 'DOUBLE', 'double'],
  ['c_decimal9', 'decimal(9,2)', 'decimal(9,2)', 'decimal128(9, 2)', 'DECIMAL(9,2)', 'int32 (DECIMAL(9,2))'],
  ['c_decimal18', 'decimal(18,6)', 'decimal(18,6)', 'decimal128(18, 6)', 'DECIMAL(18,6)', 'int64 (DECIMAL(18,6))'],
  [
    ...['c_decimal38', 'decimal(38,10)', 'decimal(38,10)', 'decimal128(38, 10)', 'DECIMAL(38,10)'],
    'fixed_len_byte_array(16) (DECIMAL(38,10))',
  ],
  ['c_string', 'string', 'string', 'string', 'VARCHAR', 'binary (STRING)'],
  ['c_json', 'json', 'string', 'string', 'VARCHAR', 'binary (STRING)'],
  ['c_enum', 'enum(red,green)', 'string', 'binary', 'VARCHAR', 'binary (ENUM)'],
  ['c_bytes', 'bytes', 'binary', 'binary', 'BLOB', 'binary'],
  ['c_fixed', 'fixed(16)', 'binary', 'fixed_size_binary[16]', 'BLOB', 'fixed_len_byte_array(16)'],
  ['c_date', 'date', 'date', 'date32[day]', 'DATE', 'int32 (DATE)'],
  [
    ...['at', 'timestamp', 'timestamp', 'timestamp[ms, tz=UTC]', 'TIMESTAMP WITH TIME ZONE'],
    'int64 (TIMESTAMP(MILLIS,true))',
  ],
  [
    ...['c_micros', 'timestamp_us', 'timestamp', 'timestamp[us, tz=UTC]', 'TIMESTAMP WITH TIME ZONE'],
    'int64 (TIMESTAMP(MICROS,true))',
  ],
  ['c_local', 'local_timestamp', 'timestamp_ntz', 'timestamp[ms]', 'TIMESTAMP', 'int64 (TIMESTAMP(MILLIS,false))'],
  [
    ...['c_local_us', 'local_timestamp_us', 'timestamp_ntz', 'timestamp[us]', 'TIMESTAMP'],
    'int64 (TIMESTAMP(MICROS,false))',
  ],
  ['c_list', 'list<int64>', 'array<bigint>', 'list<element: int64>', 'BIGINT[]', 'group (LIST)'],
  [
    ...['c_map', 'map<string,timestamp_us>', 'map<string,timestamp>'],
    ...["map<string, timestamp[us, tz=UTC] ('c_map')>", 'MAP(VARCHAR, TIMESTAMP WITH TIME ZONE)', 'group (MAP)'],
  ],
  [
    ...['c_struct', 'struct{a: int8, b: list<struct{x: string, y: decimal(5,1)}>}'],
    'struct<a:tinyint,b:array<struct<x:string,y:decimal(5,1)>>>',
    'struct<a: int8, b: list<element: struct<x: string, y: decimal128(5, 1)>>>',
    ...['STRUCT(a TINYINT, b STRUCT(x VARCHAR, y DECIMAL(5,1))[])', 'group'],
  ],
] as [name: string, declared: string, spark: string, pyarrow: string, duckdb: string, stored: string][];

export const highestRow = {
  ...{ c_boolean: true, c_int8: '127', c_int16: '32767', c_int32: '2147483647', c_int64: '9223372036854775807' },
  ...{ c_uint8: '255', c_uint16: '65535', c_uint32: '4294967295', c_uint64: '18446744073709551615' },
  ...{ c_float: 1.5, c_double: 0.1, c_decimal9: '1234567.89', c_decimal18: '123456789012.345678' },
  ...{ c_decimal38: '1234567890123456789012345678.0123456789', c_string: '漢 😀 " \n', c_json: '{"a":[1,2.50,null]}' },
  ...{ c_enum: 'red', c_bytes: '00FF', c_fixed: '000102030405060708090A0B0C0D0E0F', c_date: '2026-03-29' },
  ...{ at: `${lastMinute}000`, c_micros: `${lastMinute}999`, c_local: '2026-03-29T02:30:00.001000' },
  ...{ c_local_us: '2026-03-29T02:30:00.000001', c_list: ['1', null, '9007199254740993'] },
  ...{ c_map: { a: `${lastMinute}999`, b: null } },
  c_struct: {
    a: '-1',
    b: [
      { x: 'é', y: '1.5' },
      { x: null, y: '-9999.9' },
    ],
  },
};
export const lowestRow = {
  ...{ c_boolean: false, c_int8: '-128', c_int16: '-32768', c_int32: '-2147483648', c_int64: '-9223372036854775808' },
  ...{ c_uint8: '0', c_uint16: '0', c_uint32: '0', c_uint64: '0', c_float: -0.125, c_double: -1.5e300 },
  ...{ c_decimal9: '-0.01', c_decimal18: '-123456789012.345678', c_decimal38: '-0.0000000001', c_string: '' },
  ...{ c_json: '[]', c_enum: 'green', c_bytes: '', c_fixed: 'F'.repeat(32), c_date: '1969-12-31' },
  ...{ at: `${lastMinute}000`, c_micros: '1969-12-31T23:59:59.999999', c_local: '1969-12-31T23:59:59.999000' },
  ...{ c_local_us: '1969-12-31T23:59:59.999999', c_list: [], c_map: {}, c_struct: { a: null, b: [] } },
};
export const emptyRow = { ...Object.fromEntries(readerTypes.map(([name]) => [name, null])), at: `${lastMinute}000` };

/** The three rows as JSON records. */
export const typedRecords = [
  String.raw`{"at":"${lastMinute}Z","c_boolean":true,"c_int8":127,"c_int16":32767,"c_int32":2147483647,"c_int64":9223372036854775807,"c_uint8":255,"c_uint16":65535,"c_uint32":4294967295,"c_uint64":18446744073709551615,"c_float":1.5,"c_double":0.1,"c_decimal9":1234567.89,"c_decimal18":"123456789012.345678","c_decimal38":"1234567890123456789012345678.0123456789","c_string":"漢 😀 \" \n","c_json":{"a":[1,2.50,null]},"c_enum":"red","c_bytes":"AP8=","c_fixed":"AAECAwQFBgcICQoLDA0ODw==","c_date":"2026-03-29","c_micros":"${lastMinute}999Z","c_local":"2026-03-29T02:30:00.001","c_local_us":"2026-03-29T02:30:00.000001","c_list":[1,null,9007199254740993],"c_map":{"a":"${lastMinute}999Z","b":null},"c_struct":{"a":-1,"b":[{"x":"é","y":1.5},{"x":null,"y":"-9999.9"}]}}`,
  `{"at":"${lastMinute}+00:00","c_boolean":false,"c_int8":-128,"c_int16":-32768,"c_int32":-2147483648,"c_int64":-9223372036854775808,"c_uint8":0,"c_uint16":0,"c_uint32":0,"c_uint64":0,"c_float":-0.125,"c_double":-1.5e300,"c_decimal9":-0.01,"c_decimal18":"-123456789012.345678","c_decimal38":"-0.0000000001","c_string":"","c_json":[],"c_enum":"green","c_bytes":"","c_fixed":"/////////////////////w==","c_date":"1969-12-31","c_micros":"1969-12-31T23:59:59.999999Z","c_local":"1969-12-31T23:59:59.999","c_local_us":"1969-12-31T23:59:59.999999","c_list":[],"c_map":{},"c_struct":{"a":null,"b":[]}}`,
  '{"at":"2026-03-30T05:44:59.999+05:45"}',
];
/** Of types that Spark cannot find out by itself. */
export const identityRecords = [
  `{"at":"${lastMinute}Z","c_uuid":"123E4567-e89b-12d3-a456-426614174000","c_time_ms":"23:59:59.999","c_time_us":"23:59:59.999999"}`,
  `{"at":"${lastMinute}Z"}`,
];

/** How DuckDB shows a value of the list above as JSON. */
export function inDuckdb(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const kind = readerTypes.find(([column]) => column === name)![1];
  const instant = (text: string): string => text.replace('T', ' ').replace(/0+$/, '');
  if (kind === 'bytes' || kind.startsWith('fixed')) return blobText(value as string);
  if (/^u?int(8|16|32)$/.test(kind)) return Number(value);
  if (kind.startsWith('local')) return instant(value as string);
  if (kind.startsWith('timestamp')) return `${instant(value as string)}+00`;
  if (name === 'c_map') {
    const pairs = Object.entries(value as Record<string, string | null>);
    return pairs.map(([key, text]) => ({ key, value: text === null ? null : `${instant(text)}+00` }));
  }
  if (name === 'c_struct') {
    const { a, b } = value as { a: string | null; b: unknown[] };
    return { a: a === null ? null : Number(a), b };
  }
  return value;
}

function blobText(digits: string): string {
  const isPlain = (byte: number): boolean => byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
  return [...Buffer.from(digits, 'hex')]
    .map((byte) =>
      isPlain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

/** The 16 bytes of an unscaled decimal, each as Java shows a byte. */
export function signedBytes(unscaled: bigint): number[] {
  return Array.from({ length: 16 }, (_, i) => Number(BigInt.asIntN(8, unscaled >> BigInt(8 * (15 - i)))));
}

export function startingWith(line: string): RegExp {
  return new RegExp(`^${line.replaceAll(/[()[\]]/g, '\\$&')}(;| \\{)`);
}
