import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../peers/spark/metastore.sh', import.meta.url));

/** A real Hive metastore, with Hive's own DDL and Spark in front of it (test/peers/spark/metastore.py). */
export class Metastore {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  static async start(): Promise<Metastore> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-metastore-'));
    // It ends when its standard input does, and so with this process, however that ends.
    const child = spawn(script, [folder], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
    let printed = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        const [, found] = /^ready (\S+)/m.exec(printed) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.once('error', reject);
      child.once('close', (code) => reject(new Error(`the metastore ended with ${code}:\n${printed}\n${said}`)));
    });
    return new Metastore(url, child, folder);
  }

  /** What a user would write as client that is given a file of statements: no shell, and curl's exit code. */
  client(engine: 'hive' | 'spark'): string {
    return `curl --silent --show-error --fail-with-body ${this.url}/${engine} --upload-file`;
  }

  /** What the statements print; throws when one of them fails. */
  async run(engine: 'hive' | 'spark', ...statements: string[]): Promise<string> {
    return await this.#put(engine, statements.map((statement) => `${statement};\n`).join(''));
  }

  /** A whole file of statements. */
  async runScript(engine: 'hive' | 'spark', text: string): Promise<string> {
    return await this.#put(engine, text);
  }

  /** The rows that Spark reads. */
  async rows(query: string): Promise<Record<string, unknown>[]> {
    return JSON.parse(await this.#put('rows', query)) as Record<string, unknown>[];
  }

  async #put(path: string, body: string): Promise<string> {
    const response = await fetch(`${this.url}/${path}`, { method: 'PUT', body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${text}\n${body}`);
    return text;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin!.end();
    await closed;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
