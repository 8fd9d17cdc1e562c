import { readFile } from 'node:fs/promises';

/** Datagrams that the kernel threw away because our socket's buffer was full; null where it does not say (not Linux). */
export async function readKernelDrops(port: number): Promise<number | null> {
  const texts = await Promise.all(
    ['/proc/net/udp', '/proc/net/udp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return texts.every((text) => text === '') ? null : texts.reduce((sum, text) => sum + dropsOf(text, port), 0);
}

/** The sum of the last column of the lines for a local port; a table of Linux' /proc/net/udp. */
export function dropsOf(table: string, port: number): number {
  let drops = 0;
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const local = /^[0-9A-F]+:([0-9A-F]{4})$/.exec(columns[1] ?? '');
    if (local && Number.parseInt(local[1]!, 16) === port) drops += Number(columns.at(-1)) || 0;
  }
  return drops;
}
