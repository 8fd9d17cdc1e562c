import { TablePaths } from '../../warehouse/index.ts';

/** Where a table's chain keeps its files. Absolute paths unless said otherwise. */

export function rewritesFolder(table: string): string {
  return `${new TablePaths(table).system}/rewrites`;
}

export function statesFolder(table: string): string {
  return `${rewritesFolder(table)}/states`;
}

/** Relative: what the intent of that sequence stages. */
export function rewriteStaging(sequence: number): string {
  return `_sluice/staging/rewrites/${padded(sequence)}`;
}

/** Relative: where a file goes that the rewrite of that sequence replaced. */
export function replacedPath(sequence: number, path: string): string {
  return `_sluice/replaced/${padded(sequence)}/${path}`;
}

/** The folders that hold one folder per intent and one per rewrite, named by its sequence in 20 digits, and one per rewind. */
export function rewriteFolders(table: string): { staging: string; replaced: string; rewound: string } {
  const { system } = new TablePaths(table);
  return { staging: `${system}/staging/rewrites`, replaced: `${system}/replaced`, rewound: `${system}/rewound` };
}

/**
 * Name of a file that a rewrite adds. It begins with `part+` as all files that readers see, and has five parts where a file
 * of the live load has six, so neither is ever taken for the other, whatever the topic is called.
 */
export function rewriteFileName(topic: string, sequence: number, index: number): string {
  return `part+${escapeTopic(topic)}+rewrite+${padded(sequence)}+${String(index).padStart(6, '0')}.parquet`;
}

function escapeTopic(topic: string): string {
  return topic.replace(/[^A-Za-z0-9._-]/g, (char) => {
    return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

function padded(sequence: number): string {
  return String(sequence).padStart(20, '0');
}
