import { Option } from 'commander';
import { parseBrokers } from '../arguments.ts';

/** `--brokers`, of every command that talks to a cluster. */
export function brokersOption(): Option {
  return new Option('--brokers <list>', 'brokers to begin with, HOST:PORT[,HOST:PORT]')
    .argParser(parseBrokers)
    .default(['127.0.0.1:9092'], '127.0.0.1:9092');
}
