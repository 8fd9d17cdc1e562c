import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** A real Chromium, of the system (`test/peers/install.sh browser` installs it); its profile is gone when it is closed. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env['SLUICE_CHROMIUM'] ?? findChromium(),
    // Containers have neither the rights for its sandbox nor much shared memory; the pages are our own.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    timeout: 120_000,
  });
}

function findChromium(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // the next one
      }
    }
  }
  throw new Error(`expected one of ${names.join(', ')} in the path: test/peers/install.sh browser installs one`);
}
