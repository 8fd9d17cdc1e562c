/** Lines of a table in plain text, columns two spaces apart. `rows` have one cell for each of `aligns`. */
export function alignColumns(rows: readonly (readonly string[])[], aligns: readonly ('left' | 'right')[]): string[] {
  const widths = aligns.map((_, i) => Math.max(0, ...rows.map((cells) => cells[i]!.length)));
  const pad = (text: string, i: number): string =>
    aligns[i] === 'right' ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
  return rows.map((cells) => cells.map(pad).join('  ').trimEnd());
}
