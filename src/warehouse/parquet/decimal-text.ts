/** A decimal number in text: sign, digits, fraction, exponent, as JSON writes numbers (leading zeros and a leading + are taken too). */
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** More digits than any decimal can have, zeros of exponents included: not worth to be computed. */
const maxDigits = 1000;

/**
 * The number as an integer of the smallest units (`12.5` with scale 2 is 1250n). `inexact`: it has digits beyond the scale;
 * `range`: more digits than the precision; `text`: it is no number.
 */
export function parseDecimal(text: string, precision: number, scale: number): bigint | 'inexact' | 'range' | 'text' {
  const match = pattern.exec(text);
  if (match === null) return 'text';
  const [, sign, whole = '', fraction = '', exponentText] = match;
  if (whole === '' && fraction === '') return 'text';
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0n;
  // The value is digits * 10^-shift.
  const shift = fraction.length - Number(exponentText ?? 0);
  const zeros = scale - shift;
  if (zeros > maxDigits || digits.length > maxDigits) return 'range';
  let unscaled: string;
  if (zeros >= 0) unscaled = digits + '0'.repeat(zeros);
  else {
    const kept = digits.slice(0, zeros);
    if (/[1-9]/.test(digits.slice(kept.length))) return 'inexact';
    unscaled = kept;
  }
  if (unscaled.length > precision) return 'range';
  const value = BigInt(unscaled === '' ? '0' : unscaled);
  return sign === '-' ? -value : value;
}
