import { Command, InvalidArgumentError, Option } from 'commander';
import { parseHostPort, parseList } from '../arguments.ts';
import type { ConsoleFlags } from '../console/run-console.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';

const details = `
The file of --accounts has a line for each account, NAME ROLE HASH, as "sluice console password" prints it. A viewer sees
everything, an operator may also pause, roll, close hours and run jobs; each such action asks for a reason and is written
down. Without accounts whoever can reach the address is the operator, so only a loopback address is accepted. Programs send
"authorization: Bearer NAME:PASSWORD".

Examples:
  $ sluice console --brokers 127.0.0.1:9092 --warehouse webhdfs://nn1:9870/warehouse
  $ sluice console password anna --role operator >> accounts
  $ sluice console --listen 0.0.0.0:8080 --accounts accounts --audit-log audit.ndjson --warehouse file:///data/warehouse`;

/** `sluice console`: the pages, for a cluster and a warehouse that are there already. */
export function consoleCommand(): Command {
  const command = new Command('console')
    .description(
      'Serve the console in the browser: live charts, partitions, hours, files, dead letters, messages, reports, SQL.',
    )
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option(
      '--warehouse <url>',
      'file:///DIR, webhdfs://NN1:PORT[,NN2:PORT]/PATH or s3://BUCKET/PATH (default: loader.warehouse of the settings)',
    )
    .option('--user <name>', 'user for HDFS (default: $HADOOP_USER_NAME, or yours)')
    .option('--listen <host:port>', 'where browsers connect (default: 127.0.0.1:8080, or a free port)', parseHostPort)
    .option('--accounts <file>', 'who may come in')
    .option('--origin <url>', 'address that browsers use, behind a proxy: https://console.example.org', parseOrigin)
    .option('--audit-log <file>', 'append what operators do to this file, a JSON object a line')
    .option('--rules <file>', 'run these rules from now on and show their matches')
    .option('--topics <list>', 'topics for --rules (default: loader.topics of the settings)', parseList)
    .option(
      '--time-field <name>',
      "event time for reports (default: loader.timeField of the settings, or ts) and --rules (default: the record's)",
    )
    .option('--redis <url>', 'the Redis with jobs and counters of "sluice stats" (default: jobs.redis of the settings)')
    .option('--stats-prefix <text>', 'keys of the counters begin with it', 'stats')
    .option('--state <dir>', 'without a Redis: the local folder that jobs are kept in')
    .option('--config <file>', 'settings file (default: sluice.yaml, if there is one)')
    .addHelpText('after', details)
    .action(async (flags: ConsoleFlags) => {
      const { runConsole } = await import('../console/run-console.ts');
      process.exitCode = await runConsole(flags);
    });
  return command.addCommand(passwordCommand());
}

function passwordCommand(): Command {
  return new Command('password')
    .description('Print the line of an account; the password is asked for, or read from the standard input.')
    .argument('<name>')
    .addOption(new Option('--role <role>', 'what the account may do').choices(['viewer', 'operator']).default('viewer'))
    .addHelpText('after', '\nExample:\n  $ sluice console password anna --role operator >> accounts')
    .action(async (name: string, flags: { role: 'viewer' | 'operator' }) => {
      const { printAccount } = await import('../console/print-account.ts');
      process.exitCode = await printAccount(name, flags);
    });
}

/** An origin as browsers send it: scheme, host and port, nothing behind. */
export function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '') return url.origin;
  throw new InvalidArgumentError(`expected an origin like https://console.example.org, got "${text}"`);
}
