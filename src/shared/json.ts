/** JSON text of values that may hold bigint: written as decimal strings, because JSON readers round numbers past 2^53. */
export function stringifyJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? item.toString() : item), indent);
}
