import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Consecutive ports that no other test process on this machine will take until they are released. */
export interface PortBlock {
  first: number;
  count: number;
  release(): void;
}

// Below the range that the kernel hands out for outgoing connections (from 32768): a port there is never taken by chance.
const rangeStart = 20_000;
const rangeEnd = 32_000;
const blockSize = 40;

/**
 * Reserves `count` (at most 40) consecutive free ports. A file per block names the process that holds it, so two test
 * processes never start from the same block; then every port of it is tried by listening on it.
 */
export async function reservePorts(count: number): Promise<PortBlock> {
  if (count > blockSize) throw new RangeError(`expected at most ${blockSize} ports, got ${count}`);
  const blocks = (rangeEnd - rangeStart) / blockSize;
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const first = rangeStart + ((start + i) % blocks) * blockSize;
    const release = claimBlock(first);
    if (!release) continue;
    if (await areFree(first, count)) return { first, count, release };
    release();
  }
  throw new Error(`no ${count} consecutive free ports between ${rangeStart} and ${rangeEnd}`);
}

/** One free port; see `reservePorts`. */
export async function reservePort(): Promise<PortBlock> {
  return await reservePorts(1);
}

function claimBlock(first: number): (() => void) | null {
  const folder = join(tmpdir(), 'sluice-test-ports');
  const file = join(folder, String(first));
  mkdirSync(folder, { recursive: true });
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch {
      if (isHeld(file)) return null;
      rmSync(file, { force: true }); // its process ended without releasing it
    }
  }
  return null;
}

function isHeld(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')) || process.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function areFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) {
    if (!(await isFree(port))) return false;
  }
  return true;
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
