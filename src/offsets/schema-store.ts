import {
  parseSchema,
  serializeSchema,
  TablePaths,
  type TableSchema,
  type WarehouseFiles,
  withFieldIds,
} from '../warehouse/index.ts';
import { NumberedFiles } from './numbered-files.ts';

export type SchemaPublication =
  | { outcome: 'adopted'; schema: TableSchema }
  /** Somebody else's schema has the number; `schema` is the newest one: widen it and try again. */
  | { outcome: 'lost'; schema: TableSchema };

/**
 * The schemas of a table, numbered from 1: `<table>/_sluice/schema/<id, 10 digits>.json`. Workers that widen the schema at
 * the same time are put in order by rename-if-absent; each schema is based on the one before.
 */
export class SchemaStore {
  readonly #numbered: NumberedFiles;

  constructor(files: WarehouseFiles, table: string) {
    const paths = new TablePaths(table);
    this.#numbered = new NumberedFiles(files, { folder: paths.schemas, temporary: `${paths.system}/tmp` });
  }

  /** The newest schema; null: none yet. */
  async current(options: { signal?: AbortSignal } = {}): Promise<TableSchema | null> {
    const latest = await this.#numbered.latest(options.signal);
    return latest ? parseSchema(latest.bytes, latest.path) : null;
  }

  /** The schema with that id; `not-found` of the file system when there is none. */
  async read(id: number, options: { signal?: AbortSignal } = {}): Promise<TableSchema> {
    const { bytes, path } = await this.#numbered.read(id, options.signal);
    return parseSchema(bytes, path);
  }

  /** Gives `schema` the id `basedOn` + 1, and its new columns field ids, unless somebody else was first. `basedOn` 0: the table's first schema. */
  async publishNext(
    schema: TableSchema,
    basedOn: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<SchemaPublication> {
    const numbered: TableSchema = { ...schema, id: basedOn + 1, columns: withFieldIds(schema.columns) };
    if (await this.#numbered.publish(numbered.id, serializeSchema(numbered), options.signal)) {
      return { outcome: 'adopted', schema: numbered };
    }
    return { outcome: 'lost', schema: (await this.current(options))! };
  }
}
