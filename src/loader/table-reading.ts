import { isDeepStrictEqual } from 'node:util';
import { decodeSealedJson, encodeSealedJson, NumberedFiles, readLayout } from '../offsets/index.ts';
import { describeError, SluiceError } from '../shared/index.ts';
import { formatToKeep, restoreFormat, type ValueFormat } from '../values/index.ts';
import {
  type ContractFile,
  contractOf,
  contractToKeep,
  restoreContract,
  type TableContract,
  TablePaths,
  type TableSchema,
  type WarehouseFiles,
} from '../warehouse/index.ts';

/**
 * How the newest load of a table made rows of values: their format and the contract, in `<table>/_sluice/reading/<number, 10
 * digits>.json`, sealed JSON, the newest decides. Whoever reads records of the table again without saying another format or contract makes
 * the same rows of them. A table that was never loaded by either has no such file.
 */
export interface TableReading {
  /** Null: JSON. */
  format: ValueFormat | null;
  /** Null: the kept columns of the table, and records as they are. */
  contract: TableContract | null;
}

const readingFormatVersion = 1;
const plain: TableReading = { format: null, contract: null };

/** What the table keeps; only those `parts` are read whose secrets have to be here. @throws BadInputError when one is not. */
export async function readTableReading(
  files: WarehouseFiles,
  table: string,
  parts: { format: boolean; contract: boolean },
  signal?: AbortSignal,
): Promise<TableReading> {
  if (!parts.format && !parts.contract) return plain;
  const latest = await readingFiles(files, table).latest(signal);
  if (latest === null) return plain;
  const { format, contract } = parse(latest);
  const place = `table ${table}, as its newest load read it`;
  return {
    format: format === null || !parts.format ? null : await restoreFormat(format, place),
    contract: contract === null || !parts.contract ? null : restoreContract(contract, place),
  };
}

/** Keeps how this load reads the table, unless that is what is kept already. */
export async function keepTableReading(
  files: WarehouseFiles,
  table: string,
  load: { format: ValueFormat | null; contract: ContractFile | null; schema: TableSchema | null },
  signal?: AbortSignal,
): Promise<void> {
  const numbered = readingFiles(files, table);
  const bytes = encode(readingOf(table, load));
  for (;;) {
    const latest = await numbered.latest(signal);
    if ((latest?.bytes ?? encode(plain)).equals(bytes)) return;
    if (await numbered.publish((latest?.number ?? 0) + 1, bytes, signal)) return;
  }
}

/** What a caller says of how to read a table; what is left out is not said. */
interface SaidReading {
  format?: ValueFormat | null | undefined;
  contract?: ContractFile | null | undefined;
  timeField?: string | null | undefined;
}

/** In words, what of `said` is not as the table's newest load had it, so that other rows come of it. What is not known differs from nothing. */
export async function differencesFromLoad(
  files: WarehouseFiles,
  table: string,
  said: SaidReading,
  signal?: AbortSignal,
): Promise<string[]> {
  const found = await differencesOfReading(files, table, said, signal);
  const { timeField } = await readLayout(files, table, signal);
  if (said.timeField !== undefined && timeField !== undefined && said.timeField !== timeField) {
    const of = (field: string | null): string => (field === null ? "the record's timestamp" : `the field "${field}"`);
    found.push(`its newest load took the event time from ${of(timeField)}; this takes it from ${of(said.timeField)}`);
  }
  return found;
}

async function differencesOfReading(
  files: WarehouseFiles,
  table: string,
  said: SaidReading,
  signal?: AbortSignal,
): Promise<string[]> {
  if (said.format === undefined && said.contract === undefined) return [];
  const latest = await readingFiles(files, table).latest(signal);
  if (latest === null) return [];
  let kept: ReturnType<typeof parse>;
  try {
    kept = parse(latest);
  } catch (error) {
    // What was said does not need it.
    return [`whether its newest load read it in the same way is not known: ${describeError(error)}`];
  }
  const { format = null, contract = null } = said;
  const now = parse({ ...latest, bytes: encode(readingOf(table, { format, contract, schema: null })) });
  const found: string[] = [];
  if (said.format !== undefined && !isDeepStrictEqual(now.format, kept.format)) {
    const [before, after] = [typeOf(kept.format), typeOf(now.format)];
    const other = before === after ? 'this reads them by other settings' : `this reads them as ${after}`;
    found.push(`its newest load read values as ${before}; ${other}`);
  }
  if (said.contract !== undefined && !isDeepStrictEqual(now.contract, kept.contract)) {
    found.push(`its newest load went by ${nameOf(kept.contract)}; this goes by ${nameOf(now.contract)}`);
  }
  return found;
}

function typeOf(format: unknown): string {
  return format === null ? 'json' : (format as { type: string }).type;
}

function nameOf(contract: unknown): string {
  return contract === null ? 'no contract' : `a contract ${(contract as { source: string }).source}`;
}

/** Columns that were declared without a contract are one without rules. */
function readingOf(
  table: string,
  { format, contract: file, schema }: Parameters<typeof keepTableReading>[2],
): TableReading {
  const contract = contractOf(file, table) ?? { source: 'declared columns', schema, rules: null, writer: {} };
  const saysNothing = !contract.schema && !contract.rules && Object.keys(contract.writer).length === 0;
  return { format: format?.type === 'json' ? null : format, contract: saysNothing ? null : contract };
}

function encode({ format, contract }: TableReading): Buffer {
  return encodeSealedJson({
    formatVersion: readingFormatVersion,
    format: format && formatToKeep(format),
    contract: contract && contractToKeep(contract),
  });
}

function parse({ bytes, path }: { bytes: Buffer; path: string }): { format: unknown; contract: unknown } {
  const unreadable = (why: string, cause?: unknown): SluiceError =>
    new SluiceError(
      'unreadable-reading',
      `${path}: ${why}; the next load writes it anew, or say --format and --columns`,
      {
        cause,
      },
    );
  let members: Record<string, unknown>;
  try {
    members = decodeSealedJson(bytes);
  } catch (error) {
    throw unreadable(describeError(error), error);
  }
  const { formatVersion, format = null, contract = null } = members;
  if (formatVersion === readingFormatVersion) return { format, contract };
  throw unreadable(`expected formatVersion ${readingFormatVersion}, found ${String(formatVersion)}`);
}

function readingFiles(files: WarehouseFiles, table: string): NumberedFiles {
  const { system } = new TablePaths(table);
  return new NumberedFiles(files, { folder: `${system}/reading`, temporary: `${system}/tmp` });
}
