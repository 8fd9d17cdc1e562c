import { nullFolderValue } from '../warehouse/index.ts';

/** A folder of the table with its values, in the order of the folders' names. */
export interface CatalogPartition {
  /** As a catalog and the folder have it: `dt=2026-11-20/hr=07/country=DE`; relative to the table. */
  folder: string;
  /** The values as text, decoded; `__HIVE_DEFAULT_PARTITION__` stands for null. */
  values: readonly string[];
}

/**
 * Reads a folder of ours, or a line of SHOW PARTITIONS: both are `name=value` with slashes between, with `%` and two hex digits for
 * what a path cannot hold. Null unless it has just these names, upper and lower case being one.
 */
export function parsePartition(text: string, names: readonly string[]): CatalogPartition | null {
  const parts = text.split('/');
  if (parts.length !== names.length) return null;
  const values: string[] = [];
  for (const [i, part] of parts.entries()) {
    const equals = part.indexOf('=');
    if (equals === -1 || part.slice(0, equals).toLowerCase() !== names[i]!.toLowerCase()) return null;
    values.push(
      part
        .slice(equals + 1)
        .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    );
  }
  return { folder: text, values };
}

/** The same for the same partition, however its name is escaped. */
export function partitionKeyOf({ values }: Pick<CatalogPartition, 'values'>): string {
  return JSON.stringify(values);
}

export function isNullValue(value: string): boolean {
  return value === nullFolderValue;
}
