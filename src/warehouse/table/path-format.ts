import { BadInputError } from '../../shared/index.ts';

/** Hour folders in the way Hive, Spark, pyarrow and DuckDB find by themselves. */
export const defaultPathFormat = 'dt=yyyy-MM-dd/hr=HH';

/** Wall-clock fields of a folder. */
export interface CivilHour {
  year: number;
  month: number;
  day: number;
  /** 0 where folders are days. */
  hour: number;
}

type Letter = 'y' | 'M' | 'd' | 'H';

const letters: Record<Letter, { count: number; field: keyof CivilHour; what: string }> = {
  y: { count: 4, field: 'year', what: 'the year is yyyy' },
  M: { count: 2, field: 'month', what: 'the month is MM' },
  d: { count: 2, field: 'day', what: 'the day is dd' },
  H: { count: 2, field: 'hour', what: 'the hour is HH' },
};

/** Letters that date libraries know and that put a record into the wrong folder, or into none. */
const refused: Record<string, string> = {
  Y: 'YYYY is the week year, which puts the last days of December into the next year: write yyyy',
  D: 'DD is the day of the year: write dd for the day of the month',
  m: 'mm are minutes: write MM for the month; folders are hours or days',
  h: 'hh is the hour of a twelve-hour clock, so 03 would be morning and afternoon: write HH',
  w: 'ww is the week: folders are hours or days',
  W: 'W is the week of the month: folders are hours or days',
};

type Piece = Letter | { text: string };

/**
 * A pattern of folder names: `dt=yyyy-MM-dd/hr=HH` (hours) or `dt=yyyy-MM-dd` (days); the year, month and day may have a
 * folder each. Every folder is NAME=PATTERN, which readers turn into a column.
 */
export class PathFormat {
  readonly text: string;
  readonly unit: 'hour' | 'day';
  /** Columns that readers see: `dt`, `hr`. */
  readonly names: string[] = [];
  readonly #pieces: Piece[] = [];
  readonly #pattern: RegExp;
  readonly #order: Letter[] = [];

  /** @throws BadInputError that names the letter and what to write instead. */
  constructor(text: string) {
    this.text = text;
    for (const [i, folder] of text.split('/').entries()) {
      if (i > 0) this.#pieces.push({ text: '/' });
      this.#addFolder(folder);
    }
    const missing = (['y', 'M', 'd'] as const).find((letter) => !this.#order.includes(letter));
    if (missing !== undefined) throw this.#wrong(letters[missing].what);
    this.unit = this.#order.includes('H') ? 'hour' : 'day';
    const source = this.#pieces.map((piece) =>
      typeof piece === 'string' ? `(\\d{${letters[piece].count}})` : piece.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    );
    this.#pattern = new RegExp(`^${source.join('')}$`);
  }

  format(civil: CivilHour): string {
    return this.#pieces
      .map((piece) =>
        typeof piece === 'string'
          ? String(civil[letters[piece].field]).padStart(letters[piece].count, '0')
          : piece.text,
      )
      .join('');
  }

  /** The fields of a folder that `format` named; null for any other. That the day exists is not checked. */
  parse(folder: string): CivilHour | null {
    const match = this.#pattern.exec(folder);
    if (match === null) return null;
    const civil: CivilHour = { year: 0, month: 1, day: 1, hour: 0 };
    for (const [i, letter] of this.#order.entries()) civil[letters[letter].field] = Number(match[i + 1]);
    return civil;
  }

  #addFolder(folder: string): void {
    const match = /^(?:'([^']*)'|([^'=]*))=(.+)$/.exec(folder);
    const name = match?.[1] ?? match?.[2] ?? '';
    if (match === null || !/^[a-z][a-z0-9_]*$/.test(name)) {
      throw this.#wrong(`every folder is NAME=PATTERN with a name of small letters, digits and _, not "${folder}"`);
    }
    if (this.names.includes(name)) throw this.#wrong(`two folders cannot both be called ${name}`);
    this.names.push(name);
    this.#pieces.push({ text: `${name}=` });
    this.#addPattern(match[3]!);
  }

  #addPattern(pattern: string): void {
    for (const [run] of pattern.matchAll(/([A-Za-z])\1*|[^A-Za-z]/g)) {
      const letter = run[0]!;
      if (letter in letters) {
        const { count, what } = letters[letter as Letter];
        if (run.length !== count) throw this.#wrong(`${what}, not ${run}`);
        if (this.#order.includes(letter as Letter)) throw this.#wrong(`${run} stands there twice`);
        this.#order.push(letter as Letter);
        this.#pieces.push(letter as Letter);
      } else if (/[A-Za-z]/.test(letter)) {
        throw this.#wrong(refused[letter] ?? `"${run}" means nothing here: use yyyy, MM, dd and HH`);
      } else if (!/[0-9_.-]/.test(letter)) {
        throw this.#wrong(`"${letter}" cannot stand in the name of a folder: use digits, -, _ and .`);
      } else this.#pieces.push({ text: letter });
    }
  }

  #wrong(why: string): BadInputError {
    return new BadInputError(`path format: expected one like ${defaultPathFormat}, got "${this.text}": ${why}`);
  }
}
