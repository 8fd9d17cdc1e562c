import type { Kafka } from 'kafkajs';
import { createTopics, kafkaAt } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import { type Account, type Command, decide } from './account.ts';
import { AccountStore, eventsTopic, snapshotsTopic } from './account-store.ts';

export interface BankReport {
  /** Why commands were refused. */
  refused: string[];
  accounts: Account[];
  /** From the first event on, and from the snapshots on: how many events were read, and what came out. */
  rebuilt: { withSnapshots: boolean; events: number; isSame: boolean }[];
  /** What there was on the fourth. */
  onTheFourth: Account[];
}

/** A bank that keeps nothing but what has happened. */
export async function runBank(brokers: string[], show: Show): Promise<BankReport> {
  const kafka = kafkaAt(brokers, 'bank');
  await createTopics(kafka, {
    // Events are kept for ever; of snapshots the newest of each account is enough.
    [eventsTopic]: { partitions: 3, config: { 'retention.ms': '-1' } },
    [snapshotsTopic]: { config: { 'cleanup.policy': 'compact' } },
  });
  const { refused, accounts } = await twelveDays(kafka, show);
  show.table(accounts);
  for (const reason of refused) show.log(`refused: ${reason}`);

  const rebuilt: BankReport['rebuilt'] = [];
  for (const withSnapshots of [false, true]) {
    const store = await AccountStore.open(kafka, { useSnapshots: withSnapshots });
    const isSame = JSON.stringify(sorted(store)) === JSON.stringify(accounts);
    rebuilt.push({ withSnapshots, events: store.replayedCount, isSame });
    await store.close();
  }
  show.log('\nThe process is gone; another rebuilds the accounts from the log');
  show.table(rebuilt);

  const then = await AccountStore.open(kafka, { useSnapshots: false, until: dayOf(4) });
  const onTheFourth = sorted(then);
  await then.close();
  show.log('What did the accounts look like on the fourth? Nobody thought of asking then');
  show.table(onTheFourth);
  return { refused, accounts, rebuilt, onTheFourth };
}

/** Twelve days of commands, a snapshot on the eighth. */
async function twelveDays(kafka: Kafka, show: Show): Promise<Pick<BankReport, 'refused' | 'accounts'>> {
  const store = await AccountStore.open(kafka, { useSnapshots: true });
  const refused: string[] = [];
  for (let day = 1; day <= 12; day++) {
    for (const command of commandsOf(day)) {
      const outcome = decide(store.accounts.get(command.account) ?? null, command, dayOf(day));
      if (typeof outcome === 'string') refused.push(`${command.do} ${command.account} on day ${day}: ${outcome}`);
      else await store.append(outcome);
    }
    if (day === 8) await store.saveSnapshots();
  }
  await store.close();
  show.log('Twelve days of commands: each becomes an event in the log, or is refused');
  return { refused, accounts: sorted(store) };
}

function commandsOf(day: number): Command[] {
  const daily: Command[] = [
    { do: 'deposit', account: 'ada', amount: 1000 + day },
    { do: 'withdraw', account: 'ada', amount: 700 },
    { do: 'deposit', account: 'bert', amount: 250 },
  ];
  if (day === 1) {
    return [{ do: 'open', account: 'ada', owner: 'Ada' }, { do: 'open', account: 'bert', owner: 'Bert' }, ...daily];
  }
  if (day === 5) return [...daily, { do: 'withdraw', account: 'bert', amount: 999_999 }];
  if (day === 10) return [...daily, { do: 'open', account: 'cleo', owner: 'Cleo' }, { do: 'close', account: 'cleo' }];
  if (day === 11) return [...daily, { do: 'deposit', account: 'cleo', amount: 1 }];
  return daily;
}

const dayOf = (day: number): string => new Date(Date.UTC(2026, 10, day, 12)).toISOString();

const sorted = (store: AccountStore): Account[] =>
  [...store.accounts.values()].sort((a, b) => a.account.localeCompare(b.account));
