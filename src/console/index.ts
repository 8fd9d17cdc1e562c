// The door of the console: the pages for operators and product people, served over HTTP.
export { type Account, type Role, readAccounts } from './auth/accounts.ts';
export { hashPassword } from './auth/password-hash.ts';
export type { ConsoleJobs, ConsoleRules, ConsoleRun, ConsoleSchedule } from './console-context.ts';
export { type ConsoleOptions, type RunningConsole, startConsole } from './start-console.ts';
