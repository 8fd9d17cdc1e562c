import type { AuthSettings } from '../../hdfs-settings.ts';
import { defaultRetryPolicy } from '../../retry-run.ts';
import { NameNodes, type WebHdfsConnection } from '../name-nodes.ts';
import { simpleAuth, type WebHdfsAuth } from '../webhdfs-auth.ts';
import { basicProof } from './basic-proof.ts';
import { DelegationAuth } from './delegation-auth.ts';
import { SessionAuth } from './session-auth.ts';
import { SpnegoProof } from './spnego-proof.ts';

/** How long one attempt to get or renew a token may take; whoever waits for it has a patience of his own. */
const loginPatienceMs = 30_000;

/** `user` is only believed by `simple`. `doAs`: the user on whose behalf the one that we are acts. */
export function openAuth(
  settings: AuthSettings,
  { user, doAs }: { user: () => string; doAs: string | undefined },
  connection: Omit<WebHdfsConnection, 'auth'>,
): WebHdfsAuth {
  if (settings.type === 'simple') return simpleAuth(user(), doAs);
  if (settings.type === 'basic') return new SessionAuth(basicProof(settings.user, settings.passwordFile), doAs);
  const { principal, keytab, command, delegationTokens } = settings;
  const login = principal !== undefined && keytab !== undefined ? { principal, file: keytab } : undefined;
  const session = new SessionAuth(new SpnegoProof({ keytab: login, command }), doAs);
  if (!delegationTokens) return session;
  const policy = { ...defaultRetryPolicy, ...connection.policy, giveUpAfterMs: loginPatienceMs };
  const nameNodes = new NameNodes({ ...connection, policy, auth: session });
  const { clock, logger } = connection;
  return new DelegationAuth({ login: session, call: (call) => nameNodes.call(call), clock, logger });
}
