import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PeerHdfs } from './peers.ts';

const launcher = fileURLToPath(new URL('../peers/hdfs/java', import.meta.url));
const program = fileURLToPath(new URL('./HaAdmin.java', import.meta.url));

/** `hdfs haadmin` for hundreds of failovers: one Java process that is told each of them, where the command starts one each time. */
export class HaAdmin {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #said = '';

  constructor(hdfs: PeerHdfs) {
    this.#child = spawn(launcher, [program], { env: { ...process.env, HDFS_DATA: hdfs.dataDir } });
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-5_000)));
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    process.once('exit', this.#kill);
  }

  /** The n-th change over, from 0 on: from the first NameNode to the second, and back. */
  async changeOver(n: number): Promise<void> {
    const [from, to] = n % 2 === 0 ? ['nn1', 'nn2'] : ['nn2', 'nn1'];
    this.#child.stdin!.write(`-failover ${from} ${to}\n`);
    for (;;) {
      const { value: line, done } = await this.#lines.next();
      if (done) throw new Error(`haadmin -failover ${from} ${to}: the process ended:\n${this.#said}`);
      if (line === 'exit 0') return;
      if (line.startsWith('exit ')) throw new Error(`haadmin -failover ${from} ${to}: ${line}\n${this.#said}`);
    }
  }

  stop(): void {
    process.off('exit', this.#kill);
    this.#child.stdin!.end();
  }

  readonly #kill = (): void => void this.#child.kill('SIGKILL');
}
