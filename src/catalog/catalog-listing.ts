import { BadInputError } from '../shared/index.ts';
import { type CatalogPartition, parsePartition } from './partition-name.ts';
import type { CatalogColumn } from './project-table.ts';

/** What a catalog says of a table, as its client printed it. */
export interface CatalogListing {
  partitions: CatalogPartition[];
  /** Null: the text has no output of DESCRIBE. */
  columns: CatalogColumn[] | null;
  partitionColumns: CatalogColumn[];
  /** Null: the text has no output of DESCRIBE FORMATTED. */
  location: string | null;
  isExternal: boolean | null;
  /** `external.table.purge` is set: to drop a partition or the table would remove the files. */
  hasPurge: boolean;
}

const types =
  /^(tinyint|smallint|int|bigint|boolean|float|double|string|binary|date|timestamp(_ntz|_ltz)?|timestamp with local time zone|interval.*|void|(decimal|varchar|char)\(.*|(array|map|struct|uniontype)<.*)$/i;

/**
 * Reads what Hive's, Beeline's and Spark's command lines print for `DESCRIBE FORMATTED table` and `SHOW PARTITIONS table`, one behind
 * the other or alone: tab-separated or in a frame of `|`, with or without headings. Other lines are passed over.
 *
 * @param folders the names of the table's partition columns
 * @throws BadInputError when there is text but nothing of either kind in it
 */
export function readListing(text: string, folders: readonly string[]): CatalogListing {
  const reader = new ListingReader(folders);
  for (const line of text.split(/\r?\n/)) reader.line(line);
  const { listing } = reader;
  const isEmpty = listing.partitions.length === 0 && listing.columns === null;
  if (isEmpty && reader.strange !== null) {
    const expected = `${folders.map((name) => `${name}=...`).join('/')} as SHOW PARTITIONS prints it`;
    throw new BadInputError(`expected lines like ${expected}, got ${JSON.stringify(reader.strange.slice(0, 120))}`);
  }
  return listing;
}

type Section = 'columns' | 'partition columns' | 'details';

class ListingReader {
  readonly listing: CatalogListing = {
    ...{ partitions: [], columns: null, partitionColumns: [] },
    ...{ location: null, isExternal: null, hasPurge: false },
  };
  strange: string | null = null;
  readonly #folders: readonly string[];
  #section: Section = 'columns';

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  line(text: string): void {
    const cells = cellsOf(text);
    const [first = '', second = ''] = cells;
    if (cells.every((cell) => cell === '') || /^(\+[-+]*\+|partition|col_name|# col_name)$/.test(first)) return;
    const partition = second === '' ? parsePartition(first, this.#folders) : null;
    if (partition) this.listing.partitions.push(partition);
    else if (first.startsWith('# ')) this.#heading(first);
    else if (this.#section === 'details') this.#detail(cells);
    else if (types.test(second)) this.#column({ name: first, type: second });
    else this.strange ??= text;
  }

  #heading(text: string): void {
    if (/^# Partition Information/i.test(text)) this.#section = 'partition columns';
    else if (/^# Detailed Table Information/i.test(text)) this.#section = 'details';
    this.listing.columns ??= [];
  }

  /** Some print the partition's columns with the others first, and then once more by themselves. */
  #column(column: CatalogColumn): void {
    const { listing } = this;
    if (this.#section === 'columns') {
      listing.columns = [...(listing.columns ?? []), column];
      return;
    }
    listing.partitionColumns.push(column);
    listing.columns = (listing.columns ?? []).filter(({ name }) => name !== column.name);
  }

  #detail(cells: readonly string[]): void {
    const [key = '', value = ''] = cells.filter((cell) => cell !== '');
    const name = key.replace(/:$/, '');
    if (name === 'Location') this.listing.location ??= value;
    if (name === 'Table Type' || name === 'Type') this.listing.isExternal ??= /^EXTERNAL/i.test(value);
    if (/external\.table\.purge["\s]*[=\s]["\s]*true/i.test(cells.join(' '))) this.listing.hasPurge = true;
  }
}

function cellsOf(line: string): string[] {
  const trimmed = line.trim();
  const framed = /^\|(.*)\|$/.exec(trimmed);
  const cells = framed ? framed[1]!.split('|') : line.includes('\t') ? line.split('\t') : trimmed.split(/ {2,}/);
  return cells.map((cell) => cell.trim()).map((cell) => (cell === 'NULL' ? '' : cell));
}
