import { WarehouseError } from './warehouse-error.ts';

/**
 * Checks a path within a warehouse (`/table/dt=2026-11-21/x`; `/` is the warehouse itself) and gives its components. A path
 * that could leave the warehouse never reaches a file system: names of partitions come from event data.
 */
export function pathComponents(path: string): string[] {
  if (!path.startsWith('/')) throw badPath(path, 'an absolute path within the warehouse');
  if (path === '/') return [];
  const components = path.slice(1).split('/');
  for (const component of components) {
    if (component === '') throw badPath(path, 'no empty component');
    if (component === '.' || component === '..') throw badPath(path, `no "${component}" component`);
    if (component.includes('\0')) throw badPath(path, 'no NUL character');
    if (/\p{Surrogate}/u.test(component)) throw badPath(path, 'no lone surrogate, which has no bytes in UTF-8');
  }
  return components;
}

/** The path of the folder that a path lies in; `/` for its children and for itself. */
export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** Order of names by their UTF-8 bytes: what HDFS lists by. JavaScript's own order differs beyond U+FFFF. */
export function compareNames(a: { name: string }, b: { name: string }): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function badPath(path: string, expected: string): WarehouseError {
  return new WarehouseError('bad-path', `expected ${expected}, got ${JSON.stringify(path)}`);
}
