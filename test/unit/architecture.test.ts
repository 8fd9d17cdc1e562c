import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Who may import whom (docs/design.md, section 1). Every part may import `shared`; `cli` may import everything. */
const arrows: Record<string, readonly string[]> = {
  shared: [],
  wire: [],
  'wire/client': ['wire'],
  log: ['wire'],
  warehouse: [],
  offsets: ['warehouse'],
  hours: ['offsets', 'warehouse', 'wire/client'],
  catalog: ['offsets', 'warehouse'],
  values: ['wire', 'wire/client'],
  imports: ['offsets', 'warehouse', 'wire/client'],
  loader: ['values', 'offsets', 'warehouse', 'wire', 'wire/client'],
  rewrites: ['loader', 'offsets', 'warehouse', 'wire', 'wire/client'],
  operation: ['hours', 'loader', 'offsets', 'rewrites', 'warehouse', 'wire', 'wire/client'],
  reports: ['hours', 'offsets', 'warehouse'],
  ingest: ['wire', 'wire/client'],
  online: ['offsets', 'warehouse', 'wire', 'wire/client'],
  console: ['operation', 'hours', 'offsets', 'warehouse', 'online', 'reports', 'wire', 'wire/client'],
  // src/index.ts: the package as a library
  'index.ts': ['online', 'warehouse', 'wire/client'],
  jobs: [
    'reports',
    'catalog',
    'operation',
    'hours',
    'rewrites',
    'loader',
    'offsets',
    'warehouse',
    'wire',
    'wire/client',
  ],
  cli: [
    'console',
    'catalog',
    'hours',
    'shared',
    'values',
    'wire',
    'wire/client',
    'log',
    'warehouse',
    'offsets',
    'loader',
    'rewrites',
    'imports',
    'operation',
    'online',
    'ingest',
    'reports',
    'jobs',
  ],
};

const sources = [...filesIn(join(root, 'src')), ...filesIn(join(root, 'jobs'))].map((path) => relative(root, path));
const imports = sources.flatMap((path) => importsOf(path).map((target) => ({ path, target })));

describe('the import arrows', () => {
  it('every source file belongs to a part that has arrows', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter((path) => !(partOf(path) in arrows))).toEqual([]);
  });

  it('point one way only', () => {
    const wrong = imports.filter(({ path, target }) => {
      const [from, to] = [partOf(path), partOf(target)];
      return from !== to && to !== 'shared' && !arrows[from]!.includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it('enter another part through its door', () => {
    const wrong = imports.filter(({ path, target }) => partOf(path) !== partOf(target) && !isDoor(target));
    expect(wrong).toEqual([]);
  });

  it('have no cycles between files', () => {
    expect(findCycle(new Map(sources.map((path) => [path, importsOf(path)])))).toEqual([]);
  });
});

describe('the house rules', () => {
  it('no default exports, no enums', () => {
    const wrong = sources.filter((path) => /^export default|^\s*(export )?(const )?enum /m.test(read(path)));
    expect(wrong).toEqual([]);
  });

  it('no file grows past what one can hold in the head', () => {
    const long = sources
      .filter((path) => !path.includes('/generated/'))
      .map((path) => ({ path, lines: read(path).split('\n').length }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });

  it('the lock file names the packages of every platform, which npm ci asks for', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: object }>;
    };
    const names = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
    const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(wanted.length).toBeGreaterThan(50);
    expect(wanted.filter((name) => !names.has(name))).toEqual([]);
  });

  it('dependencies are pinned to exact versions', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json'));
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, v]) => !/^\d/.test(v as string));
    expect(loose).toEqual([]);
  });
});

function partOf(path: string): string {
  if (path.startsWith('jobs/')) return 'jobs';
  if (path.startsWith('src/wire/client/')) return 'wire/client';
  return path.split('/')[1] ?? path;
}

/** A door is the part's index.ts; the entry of a worker thread is opened by path, not imported. */
function isDoor(path: string): boolean {
  return path.endsWith('/index.ts');
}

function importsOf(path: string): string[] {
  const text = read(path).replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return found.map((target) => relative(root, resolve(root, dirname(path), target)));
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** The files of one import cycle, or an empty list. */
function findCycle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const target of graph.get(path) ?? []) {
      const cycle = visit(target, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
