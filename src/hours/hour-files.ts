import type { LiveFile } from '../offsets/index.ts';
import { SluiceError } from '../shared/index.ts';
import { createUnique, TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import {
  decodeManifest,
  encodeManifest,
  type HourManifest,
  type KeptManifest,
  keptManifestPath,
  parseKeptManifest,
  sha256Of,
  visibleManifest,
} from './hour-manifest.ts';

/** The files of a contract in the warehouse: manifests as they are kept, as readers see them, and `_SUCCESS`. */
export class HourFiles {
  readonly #files: WarehouseFiles;
  readonly #paths: TablePaths;
  readonly #options: { signal?: AbortSignal };

  constructor(files: WarehouseFiles, table: string, signal?: AbortSignal) {
    this.#files = files;
    this.#paths = new TablePaths(table);
    this.#options = signal ? { signal } : {};
  }

  /** The live files that are not at their visible names, or have another size there. */
  async missing(live: readonly LiveFile[]): Promise<string[]> {
    const folders = new Set(live.map(({ path }) => parentOf(path)));
    const sizes = new Map<string, number>();
    for (const folder of folders) {
      for (const { name, size, type } of await this.#files.list(`${this.#paths.root}/${folder}`, this.#options)) {
        if (type === 'file') sizes.set(`${folder}/${name}`, size);
      }
    }
    return live.filter(({ path, size }) => sizes.get(path) !== size).map(({ path }) => path);
  }

  /** Writes a manifest to where it is kept, before the chain says that it is true; its path relative to the table. */
  async keep(manifest: HourManifest, filesDigest: string): Promise<string> {
    const bytes = encodeManifest(manifest);
    const { revision, state, hour } = manifest;
    const path = keptManifestPath(hour, { revision, state, filesDigest, sha256: sha256Of(bytes) });
    await this.#publish(bytes, `${this.#paths.root}/${path}`);
    return path;
  }

  /** Removes a kept manifest that the chain does not name. */
  async forget(path: string): Promise<void> {
    await this.#files.delete(`${this.#paths.root}/${path}`, this.#options);
  }

  /** @throws SluiceError `unreadable-manifest` when the bytes are not those that the chain names. */
  async read(path: string): Promise<HourManifest> {
    return decodeManifest(await this.#readKept(path), path);
  }

  /**
   * Shows readers a manifest that the chain names, and `_SUCCESS`. Can be repeated, by anybody. False: nothing was missing.
   */
  async show(folder: string, keptPath: string): Promise<boolean> {
    const { revision } = this.#parse(keptPath);
    const visible = `${this.#paths.root}/${visibleManifest(folder, revision)}`;
    const success = `${this.#paths.root}/${folder}/_SUCCESS`;
    const isShown = (await this.#files.stat(visible, this.#options)) !== null;
    if (!isShown) await this.#publish(await this.#readKept(keptPath), visible);
    const isDone = (await this.#files.stat(success, this.#options)) !== null;
    if (!isDone) await this.#publish(Buffer.alloc(0), success);
    return !isShown || !isDone;
  }

  async isShown(folder: string, keptPath: string): Promise<boolean> {
    const { revision } = this.#parse(keptPath);
    return (await this.#files.stat(`${this.#paths.root}/${visibleManifest(folder, revision)}`, this.#options)) !== null;
  }

  /** Makes a file appear whole under its name; whoever was faster had the same bytes. */
  async #publish(bytes: Buffer, target: string): Promise<void> {
    const temporary = await createUnique(this.#files, `${this.#paths.system}/tmp`, { bytes }, this.#options);
    await this.#files.mkdirs(parentOf(target), this.#options);
    if ((await this.#files.publishIfAbsent(temporary, target, this.#options)) === 'published') return;
    const taken = await this.#files.read(target, this.#options);
    if (!taken.equals(bytes)) {
      throw new SluiceError(
        'manifest-taken',
        `${target}: expected no file, or one with the same bytes, got another one`,
      );
    }
    await this.#files.delete(temporary, this.#options);
  }

  async #readKept(path: string): Promise<Buffer> {
    const bytes = await this.#files.read(`${this.#paths.root}/${path}`, this.#options);
    const { sha256 } = this.#parse(path);
    if (sha256Of(bytes) === sha256) return bytes;
    throw new SluiceError('unreadable-manifest', `${path}: expected bytes with the SHA-256 in its name, got others`);
  }

  #parse(path: string): KeptManifest {
    const kept = parseKeptManifest(path);
    if (kept) return kept;
    throw new SluiceError('unreadable-manifest', `expected the path of a manifest in the table's chain, got "${path}"`);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
