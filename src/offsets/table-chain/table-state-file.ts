/**
 * The state of a table's chain at the end of an era, as text: a header line of sealed JSON
 *   {"formatVersion":1,"kind":"table-state","table","sequence","lines","checksum"}
 * and one line of canonical JSON per entry, [what, value]. The closing record of the era names it with its SHA-256.
 */
import { z } from 'zod';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { canonicalJson, decodeSealedJson, encodeSealedJson, sha256Hex } from '../canonical-json.ts';
import { signalOption } from '../chain-reader.ts';
import { createChecked } from '../era-turn.ts';
import { LedgerError, unreadableRecord } from '../ledger-error.ts';
import { absolutePath, relativePath } from '../ledger-paths.ts';
import type { SnapshotPointer } from '../ledger-record.ts';
import { statesFolder } from './table-paths.ts';
import { tableFormatVersion } from './table-record.ts';
import * as schema from './table-record-schema.ts';
import { emptyTableState, type RewriteSummary, type TableState } from './table-state.ts';

const { count, offset } = schema;
const expiredRows = z.strictObject({ ...schema.partitionRuns.element.shape, contentHash: z.string() });
const rewrite = z.strictObject({
  sequence: count,
  operation: schema.rewriteOperation,
  writtenAtMs: z.int(),
  isActive: z.boolean(),
  isExpired: z.boolean(),
  undoes: count.nullable(),
  deduplicated: schema.partitionRuns,
  replayed: schema.partitionRuns,
  accounts: z.array(schema.rangeAccount),
  expired: z.array(expiredRows).default([]),
  hours: z.array(z.string()).default([]),
});
const intent = z.strictObject({
  sequence: count,
  operation: schema.intentOperation,
  staging: schema.path,
  scope: schema.scope,
  reason: z.string(),
  writer: schema.writer,
  writtenAtMs: z.int(),
});
const hour = z.strictObject({ ...schema.hour, sequence: count, writtenAtMs: z.int() });
const entry = z.union([
  z.tuple([z.literal('hour'), hour]),
  z.tuple([z.literal('expired'), z.tuple([z.string(), count])]),
  z.tuple([z.literal('intent'), intent]),
  z.tuple([z.literal('added'), schema.tableFile]),
  z.tuple([z.literal('replaced'), schema.path]),
  z.tuple([z.literal('rewrite'), rewrite]),
  z.tuple([z.literal('touched'), z.tuple([z.string(), offset])]),
  z.tuple([z.literal('rewind'), z.tuple([z.string(), count])]),
]);

/** Writes the state, under a new name, and reads it back. */
export async function writeStateFile(
  files: WarehouseFiles,
  state: TableState,
  unique: string,
  signal?: AbortSignal,
): Promise<SnapshotPointer> {
  const bytes = encodeStateFile(state);
  const path = `${statesFolder(state.table)}/${String(state.sequence + 1).padStart(20, '0')}-${unique}.ndjson`;
  await createChecked(files, path, bytes, signal);
  return { path: relativePath(state.table, path), sha256: sha256Hex(bytes) };
}

/** The same bytes for the same records, however the state came about: so a lost file can be written again. */
export function encodeStateFile(state: TableState): Buffer {
  const lines = [...entriesOf(state)].map((line) => `${canonicalJson(line)}\n`);
  const header = encodeSealedJson({
    formatVersion: tableFormatVersion,
    kind: 'table-state',
    table: state.table,
    sequence: state.sequence,
    lines: lines.length,
  });
  return Buffer.concat([header, Buffer.from(lines.join(''))]);
}

function* entriesOf(state: TableState): Generator<[string, unknown]> {
  for (const value of state.hours.values()) yield ['hour', value];
  for (const value of state.expired) yield ['expired', value];
  for (const value of state.intents.values()) yield ['intent', value];
  for (const value of state.added.values()) yield ['added', value];
  for (const path of state.replaced) yield ['replaced', path];
  for (const value of state.rewrites.values()) yield ['rewrite', rewriteEntry(value)];
  for (const value of state.touched) yield ['touched', value];
  for (const value of state.rewinds) yield ['rewind', value];
}

/** What only a `retire` has is left out elsewhere. */
function rewriteEntry({ expired, hours, ...rest }: RewriteSummary): object {
  return { ...rest, ...(expired.length > 0 && { expired }), ...(hours.length > 0 && { hours }) };
}

/** `not-found` of the file system passes through: a later era has taken its place. */
export async function readStateFile(
  files: WarehouseFiles,
  table: string,
  pointer: SnapshotPointer,
  signal?: AbortSignal,
): Promise<TableState> {
  const path = absolutePath(table, pointer.path);
  const bytes = await files.read(path, signalOption(signal));
  if (sha256Hex(bytes) !== pointer.sha256) throw unreadableRecord(path, 'its content is not what the chain recorded');
  const [head, ...lines] = bytes.toString('utf8').split('\n');
  const header = decodeSealedJson(Buffer.from(`${head}\n`));
  if (header['kind'] !== 'table-state' || header['formatVersion'] !== tableFormatVersion) {
    throw new LedgerError('unsupported-format', `${path}: expected a table's state of format ${tableFormatVersion}`, {
      path,
    });
  }
  const tables = new StateTables();
  for (const line of lines) if (line !== '') tables.add(line, path);
  return { ...emptyTableState(table), ...tables };
}

class StateTables {
  readonly hours = new Map<string, z.output<typeof hour>>();
  readonly expired = new Map<string, number>();
  readonly intents = new Map<number, z.output<typeof intent>>();
  readonly added = new Map<string, z.output<typeof schema.tableFile>>();
  readonly replaced = new Set<string>();
  readonly rewrites = new Map<number, z.output<typeof rewrite>>();
  readonly touched = new Map<string, bigint>();
  readonly rewinds = new Map<string, number>();

  add(line: string, path: string): void {
    const parsed = entry.safeParse(JSON.parse(line));
    if (!parsed.success) throw unreadableRecord(path, schema.problemOf(parsed.error));
    const [what, value] = parsed.data;
    switch (what) {
      case 'hour':
        this.hours.set(value.hour, value);
        return;
      case 'expired':
        this.expired.set(...value);
        return;
      case 'intent':
        this.intents.set(value.sequence, value);
        return;
      case 'added':
        this.added.set(value.path, value);
        return;
      case 'replaced':
        this.replaced.add(value);
        return;
      case 'rewrite':
        this.rewrites.set(value.sequence, value);
        return;
      case 'touched':
        this.touched.set(...value);
        return;
      case 'rewind':
        this.rewinds.set(...value);
    }
  }
}
