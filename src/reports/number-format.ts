import { BadInputError } from '../shared/index.ts';
import type { Figure, FigureValue } from './daily-report.ts';
import type { FigureUnit } from './report-figures.ts';

const nothing = '–';

/** Numbers as people of a locale write them; the words of the report stay English. */
export class NumberFormat {
  readonly locale: string;
  readonly #count: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #points: Intl.NumberFormat;
  readonly #signedCount: Intl.NumberFormat;
  readonly #signedPercent: Intl.NumberFormat;

  /** @throws BadInputError for a text that is no locale, or one that this Node.js has no data for. */
  constructor(locale: string) {
    this.locale = locale;
    checkLocale(locale);
    const one = { minimumFractionDigits: 1, maximumFractionDigits: 1 } as const;
    const signed = { signDisplay: 'exceptZero' } as const;
    this.#count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.#percent = new Intl.NumberFormat(locale, { style: 'percent', ...one });
    this.#points = new Intl.NumberFormat(locale, { ...one, ...signed });
    this.#signedCount = new Intl.NumberFormat(locale, { maximumFractionDigits: 0, ...signed });
    this.#signedPercent = new Intl.NumberFormat(locale, { style: 'percent', ...one, ...signed });
  }

  value({ unit, currency }: Pick<Figure, 'unit' | 'currency'>, value: number | null): string {
    if (value === null) return nothing;
    if (unit === 'share') return this.#percent.format(value);
    return unit === 'money' ? this.#money(value, currency ?? '') : this.#count.format(value);
  }

  /** Without the cents of money. */
  short({ unit, currency }: Pick<Figure, 'unit' | 'currency'>, value: number | null): string {
    if (unit !== 'money' || value === null) return this.value({ unit }, value);
    return this.#money(value, currency ?? '', { maximumFractionDigits: 0 });
  }

  /** `+12 (+3.4 %)`; for shares percentage points: `+0.6 pp`. */
  change(figure: Pick<Figure, 'unit' | 'currency'>, value: FigureValue): string {
    const absolute = this.#absolute(figure, value.change);
    const relative = this.relative(figure.unit, value);
    return figure.unit === 'share' || relative === nothing ? absolute : `${absolute} (${relative})`;
  }

  /** `+3.4 %`; for shares percentage points. */
  relative(unit: FigureUnit, { change, changeShare }: FigureValue): string {
    if (unit === 'share') return this.#absolute({ unit }, change);
    return changeShare === null ? nothing : this.#signedPercent.format(changeShare);
  }

  /** A share with no more digits than it needs, for axes. */
  roundShare(value: number): string {
    return new Intl.NumberFormat(this.locale, { style: 'percent', maximumFractionDigits: 1 }).format(value);
  }

  count(value: number): string {
    return this.#count.format(value);
  }

  #absolute({ unit, currency }: Pick<Figure, 'unit' | 'currency'>, change: number | null): string {
    if (change === null) return nothing;
    if (unit === 'share') return `${this.#points.format(change * 100)} pp`;
    return unit === 'money'
      ? this.#money(change, currency ?? '', { signDisplay: 'exceptZero' })
      : this.#signedCount.format(change);
  }

  #money(cents: number, currency: string, options: Intl.NumberFormatOptions = {}): string {
    const isKnown = /^[A-Z]{3}$/.test(currency);
    const format = new Intl.NumberFormat(this.locale, {
      ...(isKnown ? { style: 'currency', currency } : {}),
      ...(options.maximumFractionDigits === 0 ? {} : { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
      ...options,
    });
    const text = format.format(cents / 100);
    return isKnown || currency === '' ? text : `${text} ${currency}`;
  }
}

function checkLocale(locale: string): void {
  try {
    if (Intl.NumberFormat.supportedLocalesOf([locale]).length > 0) return;
  } catch {
    // said below
  }
  throw new BadInputError(`expected a locale like de, en or pt-BR, got "${locale}"`);
}
