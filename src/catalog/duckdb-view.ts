import { BadInputError } from '../shared/index.ts';
import { sqlIdentifier, sqlLiteral } from '../warehouse/index.ts';
import type { CatalogTable } from './project-table.ts';

/**
 * A view of DuckDB over the folders of the table that are to be read: the catalog of those who have none. It is the whole
 * statement each time. @throws BadInputError while there is no folder to read
 */
export function duckdbView({ name, location, folders, partitions }: CatalogTable): string {
  if (partitions.length === 0) throw new BadInputError(`expected a folder that can be read, "${name}" has none yet`);
  const base = location.replace(/^file:\/\/(?=\/)/, '');
  const globs = partitions.map(({ folder }) => `\n    ${sqlLiteral(`${base}/${folder}/*.parquet`)}`);
  const types = folders.map((folder) => `${sqlLiteral(folder)}: VARCHAR`).join(', ');
  const options = `union_by_name = true, hive_partitioning = true, hive_types = {${types}}`;
  return `CREATE OR REPLACE VIEW ${sqlIdentifier(name)} AS SELECT * FROM read_parquet([${globs.join(',')}\n  ], ${options})`;
}
