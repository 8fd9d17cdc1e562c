import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests that start processes run the built product, as a user does. */
export function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))], {
    stdio: 'inherit',
  });
}
