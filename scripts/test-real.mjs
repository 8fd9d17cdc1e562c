// `npm run test:real [vitest arguments]`: the tests against real components. Installs what they need and what is not there
// yet (Debian packages as root or with sudo; jars, Python packages and data sets into .peers/ or $SLUICE_PEERS_CACHE), runs
// vitest's project `real`, and ends with a line `N passed, N failed`. Nothing is skipped: without a component it fails.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`test:real: ${command} could not be started: ${error.message}`);
  return status ?? 1;
}

function countTests(reportFile) {
  try {
    const report = JSON.parse(readFileSync(reportFile, 'utf8'));
    // A file that could not even be loaded has no tests, yet it is a failure.
    const brokenFiles = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles.length };
  } catch {
    return null;
  }
}

if (process.platform !== 'linux') {
  console.error('test:real: the real components are installed and started on Linux only');
  process.exit(1);
}
if (run('bash', ['test/peers/install.sh']) !== 0) {
  console.error('test:real: not everything that the tests need could be installed; see the error above');
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-test-real-'));
const reportFile = join(folder, 'report.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
const status = run(process.execPath, [
  join(root, 'node_modules/vitest/vitest.mjs'),
  ...['run', '--project', 'real', ...reporters, ...process.argv.slice(2)],
]);
const counts = countTests(reportFile);
rmSync(folder, { recursive: true, force: true });
if (!counts) console.error('test:real: vitest ended without a report');
else console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts === null || counts.failed > 0 ? status || 1 : status);
