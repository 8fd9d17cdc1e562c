// The door of the console: the pages for operators and product people, served over HTTP.
export type { ConsoleRun, ConsoleSchedule } from './answers.ts';
export { type Account, type Role, readAccounts } from './auth/accounts.ts';
export { hashPassword } from './auth/password-hash.ts';
export type { ConsoleCounters, ConsoleJobs, ConsoleRules } from './console-context.ts';
export { type ConsoleOptions, type RunningConsole, startConsole } from './start-console.ts';
