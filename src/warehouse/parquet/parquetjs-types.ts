/** What we use of parquetjs-lite, which comes without types. */
export interface ParquetjsColumn {
  type: string;
  typeLength?: number;
  optional: boolean;
  compression: string;
  statistics: false | undefined;
}

export interface ParquetjsWriter {
  appendRow(row: Record<string, unknown>): Promise<void>;
  setMetadata(key: string, value: string): void;
  setRowGroupSize(rows: number): void;
  close(): Promise<void>;
}

export interface ParquetjsModule {
  ParquetSchema: new (columns: Record<string, ParquetjsColumn>) => { fieldList: { name: string; path: string[] }[] };
  ParquetWriter: {
    openFile(schema: object, path: string, options: Record<string, unknown>): Promise<ParquetjsWriter>;
  };
}

export interface ParquetjsTypes {
  PARQUET_LOGICAL_TYPES: Record<
    string,
    { primitiveType: string; originalType?: string; toPrimitive: (value: unknown) => unknown }
  >;
}
