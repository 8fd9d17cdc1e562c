import { Option } from 'commander';
import { parseBrokers } from '../arguments.ts';

/** `--brokers`, of every command that talks to a cluster. */
export function brokersOption(): Option {
  return new Option('--brokers <list>', 'brokers to begin with, HOST:PORT[,HOST:PORT]')
    .argParser(parseBrokers)
    .default(['127.0.0.1:9092'], '127.0.0.1:9092');
}

/** `--command-config`, beside every `--brokers`: the file that Kafka's own tools take under that name. */
export function commandConfigOption(): Option {
  return new Option(
    '--command-config <file>',
    "TLS and SASL settings for the cluster: a client.properties of Kafka's (default: section kafka of sluice.yaml)",
  ).env('SLUICE_COMMAND_CONFIG');
}
