import { Command, Option } from 'commander';
import { parseBytes, parseDuration, parseHostPort, parseInteger, parseList } from '../arguments.ts';
import type { IngestHttpFlags } from '../ingest/run-ingest-http.ts';
import type { IngestSyslogFlags } from '../ingest/run-ingest-syslog.ts';
import type { TokenFlags } from '../ingest/run-ingest-token.ts';
import { brokersOption, commandConfigOption } from '../kafka/brokers-option.ts';

/** `sluice ingest`: events in, besides Kafka clients. */
export function ingestCommand(): Command {
  const ingest = new Command('ingest').description('Take events in over HTTP and syslog.');
  ingest.addCommand(httpCommand());
  ingest.addCommand(syslogCommand());
  ingest.addCommand(tokenCommand());
  return ingest;
}

const httpDetails = `
POST /topics/T/events takes a JSON object, a JSON array or NDJSON (gzip, if you like), and answers when every event is synced in the
log: 200 with the partition and offset of each, 207 when some were not written, with each one's error. ?key=K, the header
sluice-key or ?keyField=user_id choose the key. With the header idempotency-key a request that is sent again within the window is
written once. --web-topics opens GET /p.gif, POST /beacon and GET /sluice.js for websites. Prints "ready http=URL"; SIGTERM lets
the requests under way get their answers. docs/recipes.md shows all of it.

Examples:
  $ sluice ingest http --brokers 127.0.0.1:9092 --listen 127.0.0.1:8070
  $ sluice ingest token shop --topics events,orders-* --file tokens.json
  $ sluice ingest http --listen 0.0.0.0:8070 --tokens tokens.json --web-topics site --origins https://shop.example

Exit codes: 0 ended by a signal; 1 failed; 2 bad input.`;

function httpCommand(): Command {
  const command = new Command('http')
    .description('Take events over HTTP: programs, websites, log shippers.')
    .addOption(listenOption('127.0.0.1:8070'))
    .option('--topics <names>', 'topics that take events (default: every topic there is)', parseList)
    .option('--tokens <file>', 'API tokens; needed to listen on an address that other machines reach')
    .option('--open', 'take events from anybody who can connect, without a token')
    .option('--web-topics <names>', 'topics that pages of websites write to, without a token', parseList)
    .option('--origins <list>', 'websites whose pages may send, as https://shop.example; * for all', parseList)
    .option('--max-body <size>', 'longest body, inflated', parseBytes, parseBytes('16MB'))
    .option('--max-event <size>', 'longest event', parseBytes, parseBytes('1020KB'))
    .option('--max-events <n>', 'most events of one request', parseInteger(1, 10_000_000), 100_000)
    .option('--max-requests <n>', 'requests under way at once; more are told to come again (429)', parseInteger(1), 512)
    .option('--body-timeout <duration>', 'how long a body that is read whole may take (408)', parseDuration, 60_000)
    .option(
      '--idempotency-window <duration>',
      'for how long a request with an idempotency key is recognized',
      parseDuration,
      600_000,
    )
    .option(
      '--keys-topic <name>',
      'topic by which servers behind one address agree on idempotency keys; made if missing',
    )
    .option('--delivery-timeout <duration>', 'how long the log is waited for (503 after that)', parseDuration, 30_000);
  return common(command)
    .addHelpText('after', httpDetails)
    .action(async (flags: IngestHttpFlags) => {
      const { runIngestHttp } = await import('../ingest/run-ingest-http.ts');
      process.exitCode = await runIngestHttp(flags);
    });
}

const syslogDetails = `
Takes RFC 5424 with structured data and RFC 3164, over UDP and over TCP with counted messages or lines (RFC 6587). Each message becomes a
JSON event (ts, facility, severity, host, app, pid, message_id, data, message, ...) with the host as key; what is no syslog is a message
all the same. A TCP sender is held back while the log is slow; datagrams that find no room are dropped and counted.

Examples:
  $ sluice ingest syslog --topic logs --udp 127.0.0.1:5514 --tcp 127.0.0.1:5514
  $ logger --server 127.0.0.1 --port 5514 --tcp --rfc5424 "hello"

Exit codes: 0 ended by a signal; 1 failed; 2 bad input.`;

function syslogCommand(): Command {
  const command = new Command('syslog')
    .description('Take syslog over UDP and TCP.')
    .requiredOption('--topic <name>', 'topic that the messages go to')
    .option('--udp <host:port>', 'where to take datagrams', parseHostPort)
    .option('--tcp <host:port>', 'where to take connections', parseHostPort)
    .option('--max-message <size>', 'longer messages are cut and marked', parseBytes, parseBytes('64KB'))
    .option('--max-pending <size>', 'messages that wait for the log', parseBytes, parseBytes('64MB'))
    .option('--max-connections <n>', 'TCP connections at once', parseInteger(1, 65_536), 1024);
  return common(command)
    .addHelpText('after', syslogDetails)
    .action(async (flags: IngestSyslogFlags) => {
      const { runIngestSyslog } = await import('../ingest/run-ingest-syslog.ts');
      process.exitCode = await runIngestSyslog(flags);
    });
}

const tokenDetails = `
Prints the token once: the file keeps only its SHA-256. Whoever has the token may write to the topics named here; a name may end with *.
A running server reads the file again when it changes, so a token ends when its entry is taken out.

Example:
  $ sluice ingest token shop --topics events,orders-* --file tokens.json

Exit codes: 0 done; 2 bad input.`;

function tokenCommand(): Command {
  return new Command('token')
    .description('Make an API token for events over HTTP.')
    .argument('<name>', 'whose token it is')
    .requiredOption('--topics <names>', 'topics it may write to; a name may end with *', parseList)
    .requiredOption('--file <path>', 'file of tokens; made if there is none')
    .option('--json', 'print the token as JSON')
    .addHelpText('after', tokenDetails)
    .action(async (name: string, flags: TokenFlags) => {
      const { runIngestToken } = await import('../ingest/run-ingest-token.ts');
      process.exitCode = await runIngestToken(name, flags);
    });
}

/** Options of everything that runs until it is stopped. */
function common(command: Command): Command {
  return command
    .addOption(brokersOption())
    .addOption(commandConfigOption())
    .option('--metrics <host:port>', 'where to answer GET /metrics', parseHostPort)
    .addOption(
      new Option('--log-level <level>', 'what to log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    );
}

function listenOption(address: string): Option {
  return new Option('--listen <host:port>', 'where to accept clients; port 0 lets the system choose')
    .argParser(parseHostPort)
    .default(parseHostPort(address), address);
}
