// The door of the rewrites: what changes the files of a table without moving an offset.

export { type CompactedGroup, type CompactOptions, type CompactReport, compactTable } from './compact-table.ts';
export type { RewriteContext } from './rewrite-context.ts';
export { defaultTidy, type TidyOptions, type TidyReport, tidyTable } from './tidy-table.ts';
