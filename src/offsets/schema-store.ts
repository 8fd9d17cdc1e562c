import { z } from 'zod';
import { columnTypes, type TableSchema, type WarehouseFiles } from '../warehouse/index.ts';
import { LedgerError, unreadableRecord } from './ledger-error.ts';
import { NumberedFiles } from './numbered-files.ts';

const schemaJson = z.strictObject({
  id: z.int().positive(),
  mode: z.enum(['declared', 'inferred']),
  keyType: z.enum(['bytes', 'string']),
  columns: z.array(z.strictObject({ name: z.string().min(1), type: z.enum(columnTypes), isRequired: z.boolean() })),
});

export type SchemaPublication =
  | { outcome: 'adopted'; schema: TableSchema }
  /** Somebody else's schema has the number; `schema` is the newest one: widen it and try again. */
  | { outcome: 'lost'; schema: TableSchema };

/**
 * The schemas of a table, numbered from 1: `<table>/_sluice/schema/<id, 10 digits>.json`. Workers that widen the schema at the same time
 * are put in order by rename-if-absent; each schema is based on the one before.
 */
export class SchemaStore {
  readonly #table: string;
  readonly #numbered: NumberedFiles;

  constructor(files: WarehouseFiles, table: string) {
    this.#table = table;
    const folder = `/${table}/_sluice/schema`;
    this.#numbered = new NumberedFiles(files, { folder, temporary: `/${table}/_sluice/tmp`, kind: 'schema' });
  }

  /** The newest schema; null: none yet. */
  async current(options: { signal?: AbortSignal } = {}): Promise<TableSchema | null> {
    const latest = await this.#numbered.latest(options.signal);
    return latest ? this.#parse(latest.members) : null;
  }

  /** The schema with that id; `not-found` of the file system when there is none. */
  async read(id: number, options: { signal?: AbortSignal } = {}): Promise<TableSchema> {
    return this.#parse((await this.#numbered.read(id, options.signal)).members);
  }

  /** Gives `schema` the id `basedOn` + 1, unless somebody else was first. `basedOn` 0: the table's first schema. */
  async publishNext(
    schema: TableSchema,
    basedOn: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<SchemaPublication> {
    const numbered: TableSchema = { ...schema, id: basedOn + 1 };
    const result = schemaJson.safeParse(numbered);
    if (!result.success)
      throw new LedgerError('bad-record', `schema ${numbered.id}: ${result.error.issues[0]!.message}`);
    if (await this.#numbered.publish(numbered.id, { schema: numbered }, options.signal)) {
      return { outcome: 'adopted', schema: numbered };
    }
    return { outcome: 'lost', schema: (await this.current(options))! };
  }

  #parse(members: Record<string, unknown>): TableSchema {
    const result = schemaJson.safeParse(members['schema']);
    if (result.success) return result.data;
    throw unreadableRecord(`/${this.#table}/_sluice/schema`, result.error.issues[0]!.message);
  }
}
