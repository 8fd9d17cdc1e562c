// Promises of the package as others install it: what `npm pack` makes of the checkout, and nothing else of it.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadLab } from '../support/load-lab.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let lab: LoadLab;
let user: string;

beforeAll(async () => {
  lab = await LoadLab.open();
  user = mkdtempSync(join(tmpdir(), 'sluice-user-'));
  const [packed] = JSON.parse(
    await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', user], root),
  );
  // Installed beside its dependencies, as npm would do it.
  mkdirSync(join(user, 'node_modules/sluice'), { recursive: true });
  await run('tar', ['xzf', packed.filename, '-C', 'node_modules/sluice', '--strip-components', '1']);
  for (const name of readdirSync(join(root, 'node_modules')).filter((name) => !name.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(user, 'node_modules', name));
  writeFileSync(join(user, 'package.json'), '{"type": "module"}');
});
afterAll(async () => {
  rmSync(user, { recursive: true, force: true });
  await lab.close();
});

function run(command: string, args: string[], cwd = user): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
}

describe('the installed package', () => {
  it('type-checks and runs the consumer of docs/online.md', async () => {
    await lab.createTopic('events', 1);
    const purchase = (game: string, cents: number) => ({
      key: null,
      value: JSON.stringify({ type: 'purchase', game, price_cents: cents }),
    });
    const login = { key: null, value: '{"type":"login","game":"hh"}' };
    await lab.createTopic('events.dead', 1);
    await lab.produce('events', 0, [purchase('hh', 99), login, purchase('mw', 499), purchase('hh', 201)]);
    const [, program] = /```ts\n(import .*?)```/s.exec(readFileSync(join(root, 'docs/online.md'), 'utf8'))!;
    const ending = `
      while ((revenue.get('hh') ?? 0) < 300) await new Promise((resolve) => setTimeout(resolve, 20));
      await consumer.stop();
      console.log(JSON.stringify([...revenue]));`;
    writeFileSync(join(user, 'revenue.ts'), program!.replace('127.0.0.1:9092', lab.bootstrap) + ending);
    const settings = { strict: true, module: 'NodeNext', target: 'ES2022', types: ['node'], skipLibCheck: false };
    writeFileSync(
      join(user, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...settings, rootDir: '.', outDir: 'built' }, files: ['revenue.ts'] }),
    );
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
    expect(JSON.parse(await run(process.execPath, ['built/revenue.js']))).toEqual([
      ['hh', 300],
      ['mw', 499],
    ]);
  });

  it('has the command line in it', async () => {
    expect(await run(process.execPath, ['node_modules/sluice/bin/sluice', '--help'])).toContain('Usage: sluice');
  });
});
