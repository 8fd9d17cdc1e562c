/**
 * How a table's rows are put into folders: `<table>/_sluice/layout/<number, 10 digits>.json`, sealed JSON, the newest decides. Loaders,
 * closers and readers must agree on it, so the first load writes it down and later ones go by it. Zone, pattern and fields never
 * change: two layouts in one table would make an hour ambiguous. The field of the event time is that of the newest load: whoever
 * reads a range of the log again without saying another one puts its rows into the hours they were in.
 */
import { z } from 'zod';
import { BadInputError, definedOnly, describeError } from '../shared/index.ts';
import {
  defaultLayout,
  type LayoutOptions,
  type TableLayout,
  TablePaths,
  type WarehouseFiles,
} from '../warehouse/index.ts';
import { decodeSealedJson, encodeSealedJson } from './canonical-json.ts';
import { unreadableRecord } from './ledger-error.ts';
import { type NumberedFile, NumberedFiles } from './numbered-files.ts';
import { listChains } from './table-discovery.ts';

const layoutFormatVersion = 1;

const layoutSchema = z.strictObject({
  formatVersion: z.literal(layoutFormatVersion),
  zone: z.string(),
  pathFormat: z.string(),
  partitionBy: z.array(z.string()),
  maxPartitionValues: z.int().positive(),
  timeField: z.string().nullable().optional(),
});

/** The table's layout; the default one when none was written down. */
export async function readLayout(files: WarehouseFiles, table: string, signal?: AbortSignal): Promise<TableLayout> {
  const latest = await layoutFiles(files, table).latest(signal);
  return latest ? parse(latest) : defaultLayout;
}

/**
 * The layout that a load of this table goes by: the one written down, or, for a new table, what is wanted. Throws BadInputError
 * when something wanted contradicts it. Only the bound of the values and the field of the event time may change.
 */
export async function settleLayout(
  files: WarehouseFiles,
  table: string,
  wanted: LayoutOptions,
  signal?: AbortSignal,
): Promise<TableLayout> {
  const numbered = layoutFiles(files, table);
  for (;;) {
    const latest = await numbered.latest(signal);
    const isNew = latest === null && (await listChains(files, table, signal)).length === 0;
    const current = latest ? parse(latest) : defaultLayout;
    if (!isNew) checkSame(table, current, wanted);
    const { maxPartitionValues, timeField } = wanted;
    const settled: TableLayout = isNew
      ? { ...defaultLayout, ...definedOnly(wanted) }
      : { ...current, ...definedOnly({ maxPartitionValues, timeField }) };
    if (latest !== null && isSame(settled, current)) return current;
    const bytes = encodeSealedJson({ formatVersion: layoutFormatVersion, ...settled });
    if (await numbered.publish((latest?.number ?? 0) + 1, bytes, signal)) return settled;
  }
}

function checkSame(table: string, current: TableLayout, wanted: LayoutOptions): void {
  for (const name of ['zone', 'pathFormat', 'partitionBy'] as const) {
    const [is, asked] = [String(current[name]), wanted[name] === undefined ? undefined : String(wanted[name])];
    if (asked === undefined || asked === is) continue;
    throw new BadInputError(
      `table ${table} has ${name} "${is}", and its folders cannot change to "${asked}": leave the setting out, or load into another table`,
    );
  }
}

function isSame(one: TableLayout, other: TableLayout): boolean {
  return one.maxPartitionValues === other.maxPartitionValues && one.timeField === other.timeField;
}

function layoutFiles(files: WarehouseFiles, table: string): NumberedFiles {
  const { system } = new TablePaths(table);
  return new NumberedFiles(files, { folder: `${system}/layout`, temporary: `${system}/tmp` });
}

function parse({ bytes, path }: NumberedFile): TableLayout {
  let members: Record<string, unknown>;
  try {
    members = decodeSealedJson(bytes);
  } catch (error) {
    throw unreadableRecord(path, describeError(error), error);
  }
  const result = layoutSchema.safeParse(members);
  if (!result.success) throw unreadableRecord(path, result.error.issues[0]!.message);
  const { formatVersion: _, ...layout } = result.data;
  return layout;
}
