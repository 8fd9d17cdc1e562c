import { partitionKey, type RewriteRecord, TableChain, type TableFile, type TableState } from '../offsets/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';

/** What a table's chain says of its files, looked at again when something does not fit: a rewrite may run beside the audit. */
export class AuditTable {
  readonly #chain: TableChain;
  readonly #signal: AbortSignal | undefined;
  #byPartition: { sequence: number; files: Map<string, TableFile[]> } | null = null;

  private constructor(chain: TableChain, signal: AbortSignal | undefined) {
    this.#chain = chain;
    this.#signal = signal;
  }

  static async open(files: WarehouseFiles, table: string, signal?: AbortSignal): Promise<AuditTable> {
    return new AuditTable(await TableChain.open(files, table, signal ? { signal } : {}), signal);
  }

  get state(): TableState {
    return this.#chain.state;
  }

  async refresh(): Promise<TableState> {
    return await this.#chain.refresh(this.#signal ? { signal: this.#signal } : {});
  }

  isReplaced(path: string): boolean {
    return this.state.replaced.has(path);
  }

  /** The same by the newest state. */
  async isReplacedNow(path: string): Promise<boolean> {
    return this.isReplaced(path) || (await this.refresh()).replaced.has(path);
  }

  /** Whether readers may still see a replaced file because its move is being made. */
  isMoving(path: string): boolean {
    return this.state.pending.some(({ replaced }) => replaced.some((file) => file.path === path));
  }

  /** Where an added file lies until its move is made; null: it should be visible. */
  stagedPath(path: string): string | null {
    const staged = (record: Pick<RewriteRecord, 'added'>): string[] =>
      record.added.filter((file) => file.path === path).map((file) => file.staged);
    return this.state.pending.flatMap(staged)[0] ?? null;
  }

  /** Files that rewrites brought with rows of this partition. */
  addedFor(place: { topicId: string; partition: number }): readonly TableFile[] {
    if (this.#byPartition?.sequence !== this.state.sequence) this.#byPartition = this.#sortAdded();
    return this.#byPartition.files.get(partitionKey(place)) ?? [];
  }

  #sortAdded(): { sequence: number; files: Map<string, TableFile[]> } {
    const files = new Map<string, TableFile[]>();
    for (const file of this.state.added.values()) {
      for (const key of new Set(file.ranges.map(partitionKey))) {
        const known = files.get(key);
        if (known) known.push(file);
        else files.set(key, [file]);
      }
    }
    return { sequence: this.state.sequence, files };
  }
}
