import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runSluice } from '../support/sluice-process.ts';

const commands = [
  'up',
  'broker',
  'load',
  'topics',
  'produce',
  'consume',
  'ingest http',
  'ingest syslog',
  'ingest token',
  'tail',
  'groups',
  'offsets',
  'audit',
  'await',
  'hours list',
  'hours show',
  'hours close',
  'jobs run load-window',
  'jobs work',
  'offsets list',
  'offsets rebuild',
  'offsets skip',
  'offsets rewind',
  'dead replay',
  'dead list',
  'undo',
  'backfill',
  'reload',
  'compact',
  'console',
  'console password',
  'expire',
  'catalog ddl',
  'catalog sync',
  'handle',
  'stats',
  'stats show',
  'reconcile',
];

describe('the command line', () => {
  it.each(commands)('sluice %s --help shows usage and an example, with exit code 0', async (command) => {
    const { code, stdout } = await runSluice([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: sluice');
    if (command !== 'topics' && command !== 'groups' && command !== 'offsets')
      expect(stdout).toMatch(/\$ (\.\/bin\/)?sluice /);
  });

  it('sluice --help lists the commands under what they are for', async () => {
    const { stdout } = await runSluice(['--help']);
    const headings = stdout.split('\n').filter((line) => /^\S.*[:?]$/.test(line));
    expect(headings.slice(0, 3)).toEqual(['Options:', 'All in one:', 'The log:']);
    expect(stdout).toMatch(
      /^React to events, and report:\n {2}handle .*\n {2}rules .*\n {2}stats .*\n {2}reconcile .*\n {2}report /m,
    );
  });

  it('an unknown flag or command is one clear line and exit code 2', async () => {
    for (const args of [['broker', '--nonsense'], ['nonsense'], ['load']]) {
      const { code, stderr } = await runSluice(args);
      expect(stderr).toMatch(/^sluice: .+ \(see --help\)\n$/);
      expect(code).toBe(2);
    }
  });

  it('the containers of docker-compose.yml are started with commands that exist', async () => {
    const compose = parse(readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8'));
    expect(Object.keys(compose.services).sort()).toEqual([
      'broker',
      'datanode',
      'kafka',
      'loader',
      'namenode',
      'redis',
    ]);
    for (const service of Object.values(compose.services) as {
      build?: string;
      image?: string;
      depends_on?: object;
    }[]) {
      expect(service.build ?? service.image).toBeTypeOf('string');
      for (const needed of Object.keys(Array.isArray(service.depends_on) ? {} : (service.depends_on ?? {}))) {
        expect(Object.keys(compose.services)).toContain(needed);
      }
    }
    for (const name of ['broker', 'loader']) {
      const { code, stderr } = await runSluice([...compose.services[name].command, '--help']);
      expect(stderr).toBe('');
      expect(code).toBe(0);
    }
  });
});
