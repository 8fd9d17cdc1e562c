import { openWarehouse, type WarehouseFiles } from '../../warehouse/index.ts';
import { TableHistory } from './table-history.ts';

export interface HistoryBookOptions {
  /** A URL, or opened; what was opened by others is not closed. */
  warehouse: string | WarehouseFiles;
  /** Null: called as the topic. */
  table: string | null;
  /** Asked when a history is opened; see TableHistory. */
  fromMs: () => number | null;
  /** Column that must be there; null: none. */
  timeField: string | null;
  signal: AbortSignal;
}

interface OpenHistory {
  history: Promise<TableHistory>;
  users: number;
}

/** The histories of topics, each open for as long as somebody reads it: whoever comes later sees the table as it is then. */
export class HistoryBook {
  readonly #options: HistoryBookOptions;
  readonly #open = new Map<string, OpenHistory>();
  #files: Promise<WarehouseFiles> | null = null;

  constructor(options: HistoryBookOptions) {
    this.#options = options;
  }

  /** Runs `work` with the history of a topic. */
  async using<R>(topic: string, work: (history: TableHistory) => Promise<R>): Promise<R> {
    let entry = this.#open.get(topic);
    if (!entry) {
      entry = { history: this.#openHistory(topic), users: 0 };
      this.#open.set(topic, entry);
    }
    entry.users++;
    try {
      return await work(await entry.history);
    } finally {
      if (--entry.users === 0) {
        this.#open.delete(topic);
        await entry.history.then(
          (history) => history.close(),
          () => {}, // told to its users
        );
      }
    }
  }

  async close(): Promise<void> {
    if (typeof this.#options.warehouse === 'string') await (await this.#files?.catch(() => null))?.close();
  }

  async #openHistory(topic: string): Promise<TableHistory> {
    const { warehouse, table, fromMs, timeField, signal } = this.#options;
    this.#files ??=
      typeof warehouse === 'string' ? openWarehouse(warehouse, { access: 'read' }) : Promise.resolve(warehouse);
    const name = table ?? topic;
    const history = await TableHistory.open({ files: await this.#files, table: name, fromMs: fromMs(), signal });
    try {
      history.requireColumns(name, timeField === null ? [] : [timeField]);
      return history;
    } catch (error) {
      await history.close();
      throw error;
    }
  }
}
