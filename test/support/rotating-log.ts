import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program that writes numbered lines to `app.log`, and a rotation as logrotate does it. Knows every line that was ever written. */
export class RotatingLog {
  readonly lines: string[] = [];
  readonly #folder: string;
  readonly #random: () => number;
  #rotations = 0;
  #half = '';

  constructor(folder: string, random: () => number) {
    this.#folder = folder;
    this.#random = random;
    writeFileSync(this.path, '');
  }

  get path(): string {
    return join(this.#folder, 'app.log');
  }

  /** Some lines, now and then with the end of the last one left for later. */
  write(count: number): void {
    let text = '';
    for (let i = 0; i < count; i++) {
      const line = `${this.lines.length} ${new Date().toISOString()} ${'x'.repeat(260 + Math.floor(this.#random() * 200))}`;
      this.lines.push(line);
      text += `${line}\n`;
    }
    const whole = this.#half + text;
    const cut = this.#random() < 0.3 ? whole.length - 100 : whole.length;
    this.#half = whole.slice(cut);
    appendFileSync(this.path, whole.slice(0, cut));
  }

  /** Some writing with rotations in between, while somebody reads. */
  async live(steps: number, pauseMs: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      this.write(20 + Math.floor(this.#random() * 200));
      this.#maybeRotate(0.6);
      await new Promise((resolve) => setTimeout(resolve, Math.floor(this.#random() * pauseMs)));
    }
  }

  /** While nobody reads. */
  rotateUnseen(): void {
    this.write(Math.floor(this.#random() * 40));
    this.#maybeRotate(0.7);
  }

  finish(): void {
    appendFileSync(this.path, this.#half);
    this.#half = '';
  }

  /** The file is renamed and another one begun. */
  rename(): void {
    this.finish();
    this.#shift();
    renameSync(this.path, `${this.path}.1`);
    writeFileSync(this.path, '');
  }

  /** The file is copied and emptied. */
  copyTruncate(): void {
    this.finish();
    this.#shift();
    copyFileSync(this.path, `${this.path}.1`);
    truncateSync(this.path, 0);
  }

  #maybeRotate(share: number): void {
    const luck = this.#random();
    if (luck < share / 2) this.rename();
    else if (luck < share) this.copyTruncate();
  }

  /** Nothing is ever thrown away: what is deleted before anybody has read it is lost to everybody. */
  #shift(): void {
    for (let number = this.#rotations; number >= 1; number--) {
      renameSync(`${this.path}.${number}`, `${this.path}.${number + 1}`);
    }
    this.#rotations++;
  }
}
