import { Command, Option } from 'commander';
import { parseHostPort, parseInteger } from '../arguments.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';
import type { RegistryFlags } from '../registry/run-registry.ts';

const details = `
Speaks the REST API of Confluent's Schema Registry and keeps everything in one topic of the cluster, in Confluent's own record
format: either registry can go on with the topic of the other, and nothing else has to run. Any number of registries may serve
one topic. Prints "ready registry=http://HOST:PORT" when clients can connect; SIGTERM and SIGINT end it cleanly. Plain HTTP without
login: listen on an address that only trusted clients can reach.

Examples:
  $ sluice registry --brokers 127.0.0.1:9092
  $ sluice load --brokers 127.0.0.1:9092 --topics events --warehouse file:///tmp/warehouse \\
      --format avro --registry http://127.0.0.1:8081

Exit codes: 0 ended by a signal; 1 failed; 2 bad input (no cluster there, an occupied port, a topic that would lose schemas).`;

/** `sluice registry`: a schema registry on a topic, until SIGTERM or SIGINT. */
export function registryCommand(): Command {
  return new Command('registry')
    .description('Run a schema registry that keeps its schemas in a topic.')
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .addOption(
      new Option('--listen <host:port>', 'where to accept clients; port 0 lets the system choose')
        .argParser(parseHostPort)
        .default({ host: '127.0.0.1', port: 8081 }, '127.0.0.1:8081'),
    )
    .option('--topic <name>', 'topic that the schemas are kept in; created when missing', '_schemas')
    .option('--replication-factor <n>', "of a topic that is created (default: the broker's)", parseInteger(1, 32_767))
    .addOption(
      new Option('--log-level <level>', 'what to log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText('after', details)
    .action(async (flags: RegistryFlags) => {
      const { runRegistry } = await import('../registry/run-registry.ts');
      await runRegistry(flags);
    });
}
