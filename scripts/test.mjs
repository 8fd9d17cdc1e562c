// `npm test` and `npm run test:real [vitest arguments]`: vitest on the projects that the first argument names (`unit,integration`),
// and in the end a line `N passed, N failed`. For the project `real` it first installs what the tests need and what is not there
// yet (Debian packages as root or with sudo; jars, Python packages and data sets into .peers/ or $SLUICE_PEERS_CACHE). Nothing is
// skipped: without a component it fails.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [names, ...vitestArguments] = process.argv.slice(2);
const projects = names.split(',');

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`test: ${command} could not be started: ${error.message}`);
  return status ?? 1;
}

/** What vitest's JSON report says of each file; null without a report. */
function resultsOf(reportFile) {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8')).testResults.map(({ name, status, assertionResults }) => ({
      name,
      passed: assertionResults.filter((test) => test.status === 'passed').length,
      // A file that could not even be loaded has no tests, yet it is a failure.
      failed:
        assertionResults.filter((test) => test.status === 'failed').length ||
        (status === 'failed' && assertionResults.length === 0 ? 1 : 0),
      isFailed: status === 'failed',
    }));
  } catch {
    return null;
  }
}

/** Runs the projects' tests, with these arguments, and gives the results of the files. */
function runTests(folder, args) {
  const reportFile = join(folder, 'report.json');
  rmSync(reportFile, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const chosen = projects.flatMap((project) => ['--project', project]);
  const status = run(process.execPath, [vitest, 'run', ...chosen, ...reporters, ...args]);
  return { status, results: resultsOf(reportFile) };
}

const isSame = (file) => (other) => other.name === file.name;

function installPeers() {
  if (process.platform !== 'linux') {
    console.error('test:real: the real components are installed and started on Linux only');
    process.exit(1);
  }
  if (run('bash', ['test/peers/install.sh']) === 0) return;
  console.error('test:real: not everything that the tests need could be installed; see the error above');
  process.exit(1);
}

if (projects.includes('real')) installPeers();
const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
let { status, results } = runTests(folder, vitestArguments);
// A busy machine stalls a server or a kill test for seconds now and then. With SLUICE_TEST_RETRIES=1 a file gets one more try, from
// the beginning: with servers and folders of its own. Its name is printed: each of them is a test, or a bug, to mend.
const failedFiles = (results ?? []).filter(({ isFailed }) => isFailed);
if (failedFiles.length > 0 && Number(process.env['SLUICE_TEST_RETRIES'] ?? 0) > 0) {
  for (const { name } of failedFiles) console.log(`second try: ${relative(root, name)}`);
  const again = runTests(
    folder,
    failedFiles.map(({ name }) => relative(root, name)),
  );
  results = results.map((file) => again.results?.find(isSame(file)) ?? file);
  status = again.status;
}
rmSync(folder, { recursive: true, force: true });
if (!results || results.length === 0) {
  console.error('test: vitest ended without a report');
  process.exit(status || 1);
}
const sum = (count) => results.reduce((total, file) => total + count(file), 0);
const failed = sum((file) => file.failed);
console.log(`${sum((file) => file.passed)} passed, ${failed} failed`);
process.exit(failed > 0 ? status || 1 : status);
