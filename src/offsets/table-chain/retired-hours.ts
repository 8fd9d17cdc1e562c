/**
 * What readers see of an hour besides its rows: `_SUCCESS` and its manifests. When the hour leaves the table they go too, `_SUCCESS`
 * before the first row, so nobody takes an hour for complete that is being taken out. The manifests stay where they are kept
 * (`_sluice/manifests`). An hour that an undo brings back gets both again from the closer, as a further revision.
 */
import { isWarehouseError, type WarehouseFiles } from '../../warehouse/index.ts';
import { signalOption } from '../chain-reader.ts';
import { absolutePath } from '../ledger-paths.ts';
import type { RetiredHour } from './table-record.ts';

type Hours = readonly RetiredHour[];

/** Before the rows go. */
export async function withdrawHours(
  files: WarehouseFiles,
  table: string,
  hours: Hours,
  signal?: AbortSignal,
): Promise<void> {
  for (const { folder } of hours) await files.delete(absolutePath(table, `${folder}/_SUCCESS`), signalOption(signal));
}

/** Once the rows are gone: manifests up to the revision that the record names, and folders with nothing in them. Can be repeated. */
export async function clearHours(
  files: WarehouseFiles,
  table: string,
  hours: Hours,
  signal?: AbortSignal,
): Promise<void> {
  for (const { folder, revision } of hours) {
    const path = absolutePath(table, folder);
    for (const { name, type } of await files.list(path, signalOption(signal))) {
      const number = Number(/^_manifest-(\d+)\.json$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
      if (name === '_SUCCESS' || number <= revision) await files.delete(`${path}/${name}`, signalOption(signal));
      if (type === 'directory') await removeEmpty(files, `${path}/${name}`, signal);
    }
    await removeIfEmpty(files, path, signal);
    // `dt=2026-11-20` once its last hour is gone; never the folder of the table.
    for (let parent = folder; parent.includes('/'); ) {
      parent = parent.slice(0, parent.lastIndexOf('/'));
      if (!(await removeIfEmpty(files, absolutePath(table, parent), signal))) break;
    }
  }
}

/** Folders of fields below the hour's. */
async function removeEmpty(files: WarehouseFiles, path: string, signal: AbortSignal | undefined): Promise<void> {
  for (const { name, type } of await files.list(path, signalOption(signal))) {
    if (type === 'directory') await removeEmpty(files, `${path}/${name}`, signal);
  }
  await removeIfEmpty(files, path, signal);
}

/** A late record may come at any moment: whoever brings it makes the folder again. False: something is in it. */
async function removeIfEmpty(files: WarehouseFiles, path: string, signal: AbortSignal | undefined): Promise<boolean> {
  if ((await files.list(path, signalOption(signal))).length > 0) return false;
  try {
    await files.delete(path, signalOption(signal));
    return true;
  } catch (error) {
    if (isWarehouseError(error, 'folder-not-empty')) return false;
    throw error;
  }
}
