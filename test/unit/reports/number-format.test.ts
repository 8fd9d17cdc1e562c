import { describe, expect, it } from 'vitest';
import { NumberFormat } from '../../../src/reports/index.ts';

const users = { unit: 'users' } as const;
const share = { unit: 'share' } as const;
const euros = { unit: 'money', currency: 'EUR' } as const;
/** Intl writes no-break spaces. */
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('numbers of a report', () => {
  it('are written as people of the locale write them', () => {
    const written = (locale: string): string[] => {
      const format = new NumberFormat(locale);
      return [format.value(users, 1234567), format.value(share, 0.12345), format.value(euros, 123456)].map(plain);
    };
    expect(written('en')).toEqual(['1,234,567', '12.3%', '€1,234.56']);
    expect(written('de')).toEqual(['1.234.567', '12,3 %', '1.234,56 €']);
    expect(written('fr')).toEqual(['1 234 567', '12,3 %', '1 234,56 €']);
  });

  it('say by how much they changed: shares in points, everything else also in percent', () => {
    const format = new NumberFormat('de');
    const grown = { value: 110, previous: 100, change: 10, changeShare: 0.1 };
    expect(plain(format.change(users, grown))).toBe('+10 (+10,0 %)');
    expect(plain(format.change(euros, { ...grown, change: -250, changeShare: -0.25 }))).toBe('-2,50 € (-25,0 %)');
    expect(plain(format.change(share, { ...grown, change: 0.0123, changeShare: 0.5 }))).toBe('+1,2 pp');
    expect(plain(format.relative('users', grown))).toBe('+10,0 %');
  });

  it('are a dash where nothing is known, and no percentage where there was nothing before', () => {
    const format = new NumberFormat('en');
    const unknown = { value: null, previous: null, change: null, changeShare: null };
    expect([format.value(share, null), format.change(users, unknown)]).toEqual(['–', '–']);
    expect(format.change(users, { value: 5, previous: 0, change: 5, changeShare: null })).toBe('+5');
  });

  it('keep money of a currency that has no name, or an odd one', () => {
    const format = new NumberFormat('en');
    expect(format.value({ unit: 'money', currency: '' }, 1999)).toBe('19.99');
    expect(format.value({ unit: 'money', currency: 'gold' }, 1999)).toBe('19.99 gold');
  });

  it.each(['xx-nonsense-locale', '', '12', 'tlh'])('of the locale "%s" are refused', (locale) => {
    expect(() => new NumberFormat(locale)).toThrow(`expected a locale like de, en or pt-BR, got "${locale}"`);
  });
});
