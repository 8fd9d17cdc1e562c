/** What has happened to an account. Facts: nothing here is ever changed or removed. Amounts in cents. */
export type AccountEvent =
  | { type: 'Opened'; account: string; owner: string; at: string }
  | { type: 'Deposited' | 'Withdrawn'; account: string; amount: number; at: string }
  | { type: 'Closed'; account: string; at: string };

/** What follows from them. */
export interface Account {
  account: string;
  owner: string;
  balance: number;
  isClosed: boolean;
}

/** What somebody wants to happen. */
export type Command =
  | { do: 'open'; account: string; owner: string }
  | { do: 'deposit' | 'withdraw'; account: string; amount: number }
  | { do: 'close'; account: string };

/** The account after one more event; null before it is opened. */
export function apply(account: Account | null, event: AccountEvent): Account {
  if (event.type === 'Opened') return { account: event.account, owner: event.owner, balance: 0, isClosed: false };
  if (!account) throw new Error(`expected account ${event.account} to be opened first`);
  switch (event.type) {
    case 'Deposited':
      return { ...account, balance: account.balance + event.amount };
    case 'Withdrawn':
      return { ...account, balance: account.balance - event.amount };
    case 'Closed':
      return { ...account, isClosed: true };
  }
}

/** The event that follows from a command, or the reason why it is refused. Looks at nothing but its arguments. */
export function decide(account: Account | null, command: Command, at: string): AccountEvent | string {
  if (command.do === 'open') {
    return account
      ? 'there is such an account'
      : { type: 'Opened', account: command.account, owner: command.owner, at };
  }
  if (!account || account.isClosed) return 'there is no such account';
  switch (command.do) {
    case 'deposit':
      return { type: 'Deposited', account: command.account, amount: command.amount, at };
    case 'withdraw':
      if (command.amount > account.balance) return `only ${account.balance} cents are left`;
      return { type: 'Withdrawn', account: command.account, amount: command.amount, at };
    case 'close':
      return account.balance === 0 ? { type: 'Closed', account: command.account, at } : 'money is left';
  }
}
