import { Command } from 'commander';
import type { AuditCommandOptions } from '../offsets/run-audit.ts';
import { withWarehouseOptions } from '../offsets/warehouse-options.ts';
import { addContractOptions } from '../rewrites/contract-options.ts';

/** `sluice audit`: is every offset in the warehouse exactly once, or accounted for? */
export function auditCommand(): Command {
  const brokers = 'compare with the log of this cluster: the checkpoints, and every record, by number and content hash';
  return addContractOptions(withWarehouseOptions(new Command('audit'), { brokers }))
    .description(
      'Prove that every offset is in the warehouse exactly once, or accounted for; exit code 4 when one is not.',
    )
    .option('--deep', 'read the offsets in every file and name those that are missing or double')
    .option('--no-records', 'with --brokers: compare the checkpoints only, and read no record')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice audit --warehouse webhdfs://namenode:9870/warehouse --deep\n  $ sluice audit --warehouse file:///data/warehouse --brokers 127.0.0.1:9092\n\nWith --brokers the records are made rows once more, by the contract and the format of the newest load.\nExit codes: 0 nothing is missing or double, 1 failed, 2 bad input, 4 a difference.',
    )
    .action(async (options: AuditCommandOptions) => {
      const { runAudit } = await import('../offsets/run-audit.ts');
      process.exitCode = await runAudit(options);
    });
}
