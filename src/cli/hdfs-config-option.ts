import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hdfsConfigVariable } from '../warehouse/index.ts';

/**
 * Gives every command that takes a `--warehouse` the option `--hdfs-config` as well. What it names is put into the
 * environment, where the threads and processes that a command starts find it too.
 */
export function addHdfsConfigOption(command: Command): void {
  if (!command.options.some(({ long }) => long === '--warehouse')) return;
  command
    .option(
      '--hdfs-config <file>',
      `YAML with authentication, TLS, permissions for HDFS (default: $${hdfsConfigVariable}; see docs/operations.md)`,
    )
    .hook('preAction', () => {
      const { hdfsConfig } = command.opts<{ hdfsConfig?: string }>();
      if (hdfsConfig !== undefined) process.env[hdfsConfigVariable] = resolve(hdfsConfig);
    });
}
