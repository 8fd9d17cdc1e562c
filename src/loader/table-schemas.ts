import type { SchemaStore } from '../offsets/index.ts';
import { mergeSchemas, type TableEncoder, type TableSchema } from '../warehouse/index.ts';

/** The columns of a table that has none yet, from its first batch. */
type Inference = (batch: Buffer, signal: AbortSignal) => TableSchema | Promise<TableSchema>;

/**
 * Which columns a table's encoders write with. The newest kept schema of the table rules; new fields become columns of the
 * next one, which is kept before the first commit that uses it, so that every file's schema id can be looked up.
 */
export class TableSchemas {
  readonly #store: SchemaStore;
  readonly #declared: TableSchema | null;
  readonly #infer: Inference;

  constructor(options: {
    store: SchemaStore;
    /** Columns from the configuration; null: those of the table, or inferred. */
    declared: TableSchema | null;
    infer: Inference;
  }) {
    this.#store = options.store;
    this.#declared = options.declared;
    this.#infer = options.infer;
  }

  /** What a new encoder begins with, `batch` being the first it will be given. */
  async forEncoder(batch: Buffer, signal: AbortSignal): Promise<TableSchema> {
    const kept = await this.#store.current({ signal });
    if (this.#declared) return kept ? mergeSchemas(kept, this.#declared) : this.#declared;
    return kept ?? (await this.#infer(batch, signal));
  }

  /**
   * Keeps the encoder's schema, merged with what others have kept meanwhile, and gives the encoder its id. Throws
   * SchemaConflictError when somebody else was first with another type: drop the open rows and read them again.
   */
  async settle(encoder: TableEncoder, signal: AbortSignal): Promise<void> {
    while (encoder.schema.id === 0) {
      const kept = await this.#store.current({ signal });
      const merged = kept ? mergeSchemas(kept, encoder.schema) : encoder.schema;
      if (merged.id !== 0) return encoder.adoptSchema(merged);
      const published = await this.#store.publishNext(merged, kept?.id ?? 0, { signal });
      if (published.outcome === 'adopted') encoder.adoptSchema(published.schema);
    }
  }
}
