import { readFile } from 'node:fs/promises';
import { type Document, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { BadInputError, definedOnly } from '../../shared/index.ts';
import { defaultProblem } from '../parquet/default-value.ts';
import { columnNameProblem } from './column-name.ts';
import type { ContractFile, ContractRoll, ContractWriter, TableContract } from './contract.ts';
import { missingSalt, readSalt } from './contract-salt.ts';
import { type ColumnEntry, type ContractEntry, contractSchema } from './contract-schema.ts';
import { parseFilter } from './filter-expression.ts';
import { type ColumnRule, formatPath, type PersonalRule, parsePath, type RecordRules } from './record-rules.ts';
import type { LayoutOptions } from './table-layout.ts';
import type { Column, TableSchema } from './table-schema.ts';
import { TimeFolders } from './time-folders.ts';

/**
 * The contract of a table, YAML 1.2 (hence JSON too): the file behind `--columns F.yaml`.
 *
 *   key: string                             # or bytes (the default)
 *   columns:                                # left out: inferred from the records
 *     - { name: user_id, type: int64, required: true }
 *     - { name: price, type: "decimal(18,2)", default: 0 }
 *     - { name: city, type: string, from: user.address.city }
 *     - { name: email, type: string, from: user.email, hash: sha256 }
 *     - { name: user, type: json }
 *   personal:                               # within columns too, and in inferred tables
 *     - { field: user.phone, drop: true }
 *     - { field: user.email, hash: sha256 }
 *   salt: { env: SLUICE_SALT }              # or { file: PATH }: the key of the hashes (HMAC-SHA256)
 *   filter: country in [DE, FR] and amount > 0
 *   parquet: { codec: zstd, level: 3, rowGroupRows: 100000, dictionary: true, bloomFilters: true, sortBy: [user_id] }
 *   timeField: ts                           # and partitionBy: [country], format: {type: avro, ...}
 *   hours: { zone: Europe/Berlin, layout: dt=yyyy-MM-dd/hr=HH }
 *   roll: { bytes: 256MB, age: 60s }         # and records, schedule, freshness
 *   retention: 90d                           # for "sluice expire" and the job expire-warehouse
 *
 * A list of columns without the object around it does as well; `topics: {logins: {...}, purchases: {...}}` gives each topic its own
 * (without timeField, hours, roll, partitionBy and format, which a load has one of).
 * Fields that are not named in a table with columns are ignored by the load.
 */
export interface ContractSurroundings {
  /** Where `salt: {env: NAME}` looks; that of the process when left out. */
  env?: Readonly<Record<string, string | undefined>>;
  /** False: a salt that cannot be read is no error, for those who only look at a contract. */
  needsSalt?: boolean;
}

/** @throws BadInputError when the file cannot be read or is no contract. */
export async function readContractFile(path: string, surroundings: ContractSurroundings = {}): Promise<ContractFile> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BadInputError(`${path}: expected a file with the columns of the table`, { cause });
  });
  return parseContractFile(text, path, surroundings);
}

/**
 * Reads the text of a contract; `source` is its name, for the message.
 *
 * @throws BadInputError with one line: file and line, key, what was expected, what came.
 */
export function parseContractFile(text: string, source: string, surroundings: ContractSurroundings = {}): ContractFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  if (document.errors.length > 0) {
    const message = document.errors[0]!.message.split('\n')[0];
    throw new BadInputError(`${source}: expected YAML or JSON with a list "columns": ${message}`);
  }
  const value = toValue(document, source);
  const topics =
    isRecord(value) && isRecord(value['topics']) && Object.keys(value).length === 1 ? value['topics'] : null;
  const read = (part: unknown, path: PropertyKey[]): TableContract =>
    new ContractReader(document, lines, source, path).read(part, surroundings);
  if (topics === null) return { all: read(value, []), topics: {} };
  const entries = Object.entries(topics).map(([topic, part]) => [topic, read(part, ['topics', topic])] as const);
  return { all: null, topics: Object.fromEntries(entries) };
}

function toValue(document: Document, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new BadInputError(`${source}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads one contract within a file, and says where in the file what is wrong. */
class ContractReader {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #source: string;
  readonly #path: readonly PropertyKey[];
  #isList = false;

  constructor(document: Document, lines: LineCounter, source: string, path: readonly PropertyKey[]) {
    this.#document = document;
    this.#lines = lines;
    this.#source = source;
    this.#path = path;
  }

  read(value: unknown, { env = process.env, needsSalt = true }: ContractSurroundings): TableContract {
    this.#isList = Array.isArray(value);
    const whole = this.#isList ? { columns: value } : value;
    const parsed = contractSchema.safeParse(whole);
    if (!parsed.success) throw this.#issue(parsed.error.issues[0]!, whole);
    const entry = parsed.data;
    const columns = entry.columns ?? null;
    this.#checkSections(entry);
    if (columns) this.#checkNames(columns);
    const personal = this.#personalRules(entry);
    const rules: RecordRules = {
      filter: this.#filter(entry),
      columns: columns?.map((column, index) => this.#columnRule(column, index, personal)) ?? null,
      personal,
      salt: null,
    };
    const isHashed = personal.some(({ action }) => action === 'hash');
    if (isHashed) rules.salt = this.#salt(entry, env, needsSalt);
    const hasRules = rules.filter !== null || personal.length > 0 || (rules.columns ?? []).some(isShaped);
    return {
      source: this.#source,
      schema: columns === null ? null : schemaOf(entry, columns),
      rules: hasRules ? rules : null,
      writer: this.#writer(entry, columns),
      ...(isHashed && entry.salt ? { saltFrom: entry.salt } : {}),
      ...(entry.format === undefined ? {} : { format: entry.format }),
      ...this.#layout(entry),
      ...rollOf(entry),
      ...(entry.retention === undefined ? {} : { retentionMs: entry.retention }),
      ...(entry.timeField === undefined ? {} : { timeField: entry.timeField }),
    };
  }

  #checkSections(entry: ContractEntry): void {
    if (this.#path.length === 0) return;
    for (const name of ['timeField', 'hours', 'roll', 'partitionBy', 'maxPartitionValues', 'format'] as const) {
      if (entry[name] !== undefined) throw this.#error([name], 'expected only in a contract of one table');
    }
  }

  #checkNames(columns: readonly ColumnEntry[]): void {
    const seen = new Map<string, string>();
    for (const [index, { name, required, nullable }] of columns.entries()) {
      const where = ['columns', index, 'name'];
      const problem = columnNameProblem(name);
      if (problem !== null) throw this.#error(where, problem);
      if (required !== undefined && nullable === required) {
        throw this.#error(['columns', index], 'expected a column that is either required or nullable');
      }
      const twin = seen.get(name.toLowerCase());
      if (twin !== undefined) {
        throw this.#error(
          where,
          twin === name
            ? `the column "${name}" is there twice`
            : `the columns "${twin}" and "${name}" differ only in upper and lower case, which query engines cannot tell apart`,
        );
      }
      seen.set(name.toLowerCase(), name);
    }
  }

  /** Hashes of columns are personal rules of the fields they come from. */
  #personalRules({ personal, columns = [] }: ContractEntry): PersonalRule[] {
    const rules: PersonalRule[] = personal.map(({ field, hash, drop }, index) => {
      if ((hash === undefined) === (drop === undefined)) {
        throw this.#error(['personal', index], 'expected "hash: sha256" or "drop: true"');
      }
      return { path: this.#parsePath(field, ['personal', index, 'field']), action: hash ? 'hash' : 'drop' };
    });
    for (const [index, { name, from, hash, type }] of columns.entries()) {
      if (hash === undefined) continue;
      if (type !== 'string')
        throw this.#error(['columns', index, 'type'], `expected string: a hash is text, came ${type}`);
      const path = from === undefined ? [name] : this.#parsePath(from, ['columns', index, 'from']);
      if (!rules.some((rule) => isSame(rule.path, path))) rules.push({ path, action: 'hash' });
    }
    for (const rule of rules) {
      const outer = rules.find((other) => other !== rule && isWithin(rule.path, other.path));
      if (outer)
        throw this.#error(
          ['personal'],
          `${formatPath(rule.path)} is within ${formatPath(outer.path)}, which is personal as a whole`,
        );
    }
    return rules;
  }

  #columnRule(column: ColumnEntry, index: number, personal: readonly PersonalRule[]): ColumnRule {
    const { name, type } = column;
    const from = column.from === undefined ? [name] : this.#parsePath(column.from, ['columns', index, 'from']);
    const rule = personal.find(({ path }) => isWithin(from, path));
    if (rule?.action === 'drop' || (rule && !isSame(rule.path, from))) {
      throw this.#error(['columns', index], `${formatPath(from)} is personal (${rule.action}) and cannot be a column`);
    }
    if (rule && type !== 'string') {
      throw this.#error(['columns', index, 'type'], `expected string: ${formatPath(from)} is hashed, came ${type}`);
    }
    const text = column.default === undefined || column.default === null ? null : this.#jsonOf(column.default, index);
    const problem = text === null ? null : defaultProblem(type, text);
    if (problem !== null) throw this.#error(['columns', index, 'default'], problem);
    return { name, from, default: text };
  }

  /** JSON text of a default; a number keeps the digits that stand in the file. */
  #jsonOf(value: unknown, index: number): string {
    const node = this.#document.getIn(this.#nodePath(['columns', index, 'default']), true);
    const source = isScalar(node) && typeof value === 'number' ? node.source : undefined;
    if (source !== undefined && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(source)) return source;
    return JSON.stringify(value);
  }

  #filter({ filter }: ContractEntry): string | null {
    if (filter === undefined) return null;
    try {
      parseFilter(filter);
      return filter;
    } catch (error) {
      throw this.#error(['filter'], error instanceof Error ? error.message : String(error));
    }
  }

  #salt({ salt }: ContractEntry, env: Readonly<Record<string, string | undefined>>, isNeeded: boolean): string | null {
    if (salt === undefined) throw this.#error([], 'expected "salt: {env: NAME}" or "salt: {file: PATH}" beside a hash');
    const found = readSalt(salt, env);
    if (found !== null || !isNeeded) return found;
    throw this.#error(['salt'], missingSalt(salt));
  }

  #writer({ parquet }: ContractEntry, columns: readonly ColumnEntry[] | null): ContractWriter {
    const { level, sortBy, ...rest } = parquet;
    for (const [index, name] of (sortBy ?? []).entries()) {
      const isKnown = name.startsWith('_') || columns === null || columns.some((column) => column.name === name);
      if (!isKnown) throw this.#error(['parquet', 'sortBy', index], `expected the name of a column, came "${name}"`);
    }
    return definedOnly({ ...rest, codecLevel: level, sortBy }) as ContractWriter;
  }

  #layout({ hours, partitionBy, maxPartitionValues }: ContractEntry): { layout?: LayoutOptions } {
    const { zone, layout: pathFormat } = hours ?? {};
    const layout = definedOnly({ zone, pathFormat, partitionBy, maxPartitionValues });
    if (Object.keys(layout).length === 0) return {};
    this.#checkHours('zone', zone === undefined ? {} : { zone });
    this.#checkHours('layout', pathFormat === undefined ? {} : { pathFormat });
    return { layout };
  }

  #checkHours(key: string, part: LayoutOptions): void {
    try {
      new TimeFolders(part);
    } catch (error) {
      throw this.#error(['hours', key], error instanceof Error ? error.message : String(error));
    }
  }

  #parsePath(text: string, where: PropertyKey[]): string[] {
    try {
      return parsePath(text);
    } catch (error) {
      throw this.#error(where, error instanceof Error ? error.message : String(error));
    }
  }

  #issue(issue: z.core.$ZodIssue, value: unknown): BadInputError {
    let came: unknown = value;
    for (const key of issue.path) came = (came as Record<PropertyKey, unknown> | undefined)?.[key];
    const text = came === undefined ? 'nothing' : (JSON.stringify(came) ?? String(came));
    const expected = issue.code === 'invalid_value' ? `expected one of ${issue.values.join(', ')}` : issue.message;
    return this.#error(issue.path, `${expected}, came ${text.length > 80 ? `${text.slice(0, 80)}...` : text}`);
  }

  /** `F.yaml:3: columns.0.type: expected ...` */
  #error(where: readonly PropertyKey[], problem: string): BadInputError {
    const key = [...this.#path, ...where].map(String).join('.');
    const line = this.#lineOf(where);
    return new BadInputError(
      `${this.#source}${line === null ? '' : `:${line}`}: ${key === '' ? 'the file' : key}: ${problem}`,
    );
  }

  #lineOf(where: readonly PropertyKey[]): number | null {
    for (let length = where.length; length > 0; length--) {
      const node = this.#document.getIn(this.#nodePath(where.slice(0, length)), true);
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      if (range) return this.#lines.linePos(range[0]).line;
    }
    return null;
  }

  #nodePath(where: readonly PropertyKey[]): PropertyKey[] {
    return [...this.#path, ...(this.#isList ? where.slice(1) : where)];
  }
}

function rollOf({ roll }: ContractEntry): { roll?: ContractRoll } {
  if (roll === undefined) return {};
  const { bytes, records, age, schedule, freshness } = roll;
  return { roll: definedOnly({ bytes, records, ageMs: age, scheduleMs: schedule, freshnessMs: freshness }) };
}

function schemaOf({ key }: ContractEntry, columns: readonly ColumnEntry[]): TableSchema {
  return {
    id: 0,
    mode: 'declared',
    keyType: key,
    columns: columns.map(({ name, type, required, nullable }): Column => {
      return { name, type, isRequired: required ?? nullable === false };
    }),
  };
}

function isShaped({ name, from, default: text }: ColumnRule): boolean {
  return text !== null || from.length !== 1 || from[0] !== name;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && isWithin(left, right);
}

/** True when `path` is `outer` or something in it. */
function isWithin(path: readonly string[], outer: readonly string[]): boolean {
  return outer.every((name, index) => path[index] === name);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
